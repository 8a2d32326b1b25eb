"""What kafka-python's tests import as test.service and its source archive doesn't carry: a broker that runs already."""


class ExternalService:
    def __init__(self, host, port):
        self.host = host
        self.port = port

    def open(self):
        pass

    def close(self):
        pass

    def dump_logs(self):
        pass


class SpawnedService:
    def __init__(self, *_):
        raise NotImplementedError("these tests run on a broker that somebody else started")
