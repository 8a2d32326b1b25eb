"""A broker under attack: started, watched (memory, descriptors, processor, log), killed, started again."""
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Broker:
    def __init__(self, binary, *overrides, data=None, limits=(), environment=None, arguments=()):
        self.binary = binary
        self.data = data or tempfile.mkdtemp(prefix='data.', dir=os.environ.get('SCRATCH'))
        self.port, self.http = free_port(), free_port()
        self.address = ('127.0.0.1', self.port)
        self.overrides = list(overrides)
        self.limits, self.environment, self.arguments = limits, environment or {}, list(arguments)
        self.log_name = os.path.join(os.environ.get('SCRATCH', '/tmp'), f'broker.{self.port}.log')
        self.process = None

    def __enter__(self): return self.start()
    def __exit__(self, *_): self.kill()

    def start(self, wait=True, seconds=60):
        settings = [f'listeners=PLAINTEXT://127.0.0.1:{self.port}', f'http.listener=127.0.0.1:{self.http}', 'broker.id=0']
        settings += self.overrides
        command = [self.binary, 'start', '--data-dir', self.data, *self.arguments]
        for setting in settings:
            command += ['--override', setting]

        def limit():
            for what, value in self.limits:
                resource.setrlimit(what, (value, value))

        with open(self.log_name, 'ab') as log:
            self.log_begin = log.tell()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=limit,
                                            env={**os.environ, **self.environment})
        if wait and not self.until(self.answers, seconds):
            raise RuntimeError('the broker did not start:\n' + self.log()[-2000:])
        return self

    def until(self, condition, seconds=30):
        for _ in range(int(seconds * 50)):
            if self.process.poll() is not None:
                return False
            if condition():
                return True
            time.sleep(0.02)
        return False

    def answers(self):
        try:
            socket.create_connection(self.address, 1).close()
            return True
        except OSError:
            return False

    def running(self): return self.process.poll() is None

    def log(self):
        """What this run has logged."""
        with open(self.log_name, errors='replace') as log:
            log.seek(self.log_begin)
            return log.read()

    def signal(self, number): self.process.send_signal(number)

    def stop(self, seconds=30):
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self):
        if self.process is not None and self.running():
            self.process.kill()
            self.process.wait()

    def _status(self, name):
        with open(f'/proc/{self.process.pid}/status') as status:
            for line in status:
                if line.startswith(name + ':'):
                    return int(line.split()[1])
        return 0

    def memory_mb(self): return self._status('VmRSS') / 1024
    def peak_mb(self): return self._status('VmHWM') / 1024

    def reset_peak(self):
        with open(f'/proc/{self.process.pid}/clear_refs', 'w') as refs:
            refs.write('5')

    def descriptors(self): return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def cpu_seconds(self):
        with open(f'/proc/{self.process.pid}/stat') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def connections(self): return self.metric('kafka_server_socketservermetrics_connection_count')
    def is_alone(self): return self.connections() == 0

    def metric(self, name):
        import urllib.request
        with urllib.request.urlopen(f'http://127.0.0.1:{self.http}/metrics', timeout=10) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(name + ' '):
                    return float(line.split()[1])
        return None
