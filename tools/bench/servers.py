"""The servers that `tools/dev bench` measures, each in a directory of its own under one scratch directory."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
KAFKA_TOOL = ROOT / "compat-tests" / "kafka" / "tool"
TICKS = os.sysconf("SC_CLK_TCK")
# The JVM settings of Kafka's own start script.
KAFKA_JVM = "-Xmx1G -Xms1G -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35"

scratch = pathlib.Path(tempfile.mkdtemp(prefix="barnabas-bench."))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that is ended when the run ends, and can be started again on what it left behind."""

    running = []

    def __init__(self, name, command, port, env=None):
        self.name, self.command, self.port, self.env = name, list(map(str, command)), port, {**os.environ, **(env or {})}
        self.start()

    def start(self):
        """Starts the process and waits until it listens."""
        begin = time.monotonic()
        with open(scratch / f"{self.name}.log", "a") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=self.env)
        Server.running.append(self)
        self.await_port()
        self.start_seconds = time.monotonic() - begin

    def await_port(self, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"bench: {self.name} ended with {self.process.returncode} before it listened")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.001)
        sys.exit(f"bench: {self.name} doesn't listen on port {self.port} after {seconds} s")

    def cpu_seconds(self):
        """User and system time of the whole process so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_megabytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        """SIGTERM, as a supervisor would; returns the seconds that it took."""
        begin = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self in Server.running:
            Server.running.remove(self)
        return time.monotonic() - begin


class Floor(Server):
    """The bare kernel work; it serves one connection, so nobody may knock to see whether it listens."""

    def __init__(self, mode, *extra):
        port = free_port()
        program = BUILD / "tools" / "bench" / "bench_floor"
        super().__init__("floor", [program, port, mode, scratch / "floor.data", *extra], port)

    def await_port(self, seconds=120):
        time.sleep(0.1)


def start_barnabas():
    port, data = free_port(), tempfile.mkdtemp(dir=scratch)
    listeners = f"listeners=PLAINTEXT://127.0.0.1:{port}"
    return Server("barnabas", [BUILD / "barnabas", "start", "--data-dir", data, "--override", listeners], port)


def start_kafka():
    zookeeper_port, port, data = free_port(), free_port(), tempfile.mkdtemp(dir=scratch)
    (scratch / "zoo.cfg").write_text(
        f"dataDir={tempfile.mkdtemp(dir=scratch)}\nclientPort={zookeeper_port}\nclientPortAddress=127.0.0.1\n"
        "admin.enableServer=false\n")
    Server("zookeeper", [KAFKA_TOOL, "3.9", "zookeeper", scratch / "zoo.cfg"], zookeeper_port)
    # The delay before a new group's first rebalance would be measured instead of the work; Barnabas' own default is 0.
    (scratch / "server.properties").write_text(
        f"broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:{port}\nlog.dirs={data}\n"
        f"zookeeper.connect=127.0.0.1:{zookeeper_port}\n"
        "offsets.topic.replication.factor=1\ngroup.initial.rebalance.delay.ms=0\n")
    command = [KAFKA_TOOL, "3.9", "broker", scratch / "server.properties"]
    return Server("kafka", command, port, {"BARNABAS_JAVA_OPTS": KAFKA_JVM})


def stop_all():
    for one in reversed(list(Server.running)):
        one.stop()
