"""A real MQTT broker for tests, Mosquitto from the system's own package."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.servers import free_port, missing

USER, PASSWORD = "front", "pass'word \\ 密码"
SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous false
persistence true
persistence_location {folder}/
log_dest stderr
max_queued_messages 100000
"""
PLUGINS = Path("/usr/lib/x86_64-linux-gnu")


@dataclass
class Broker:
    """A broker on a free loopback port; `USER` needs `PASSWORD`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the broker and wait until it listens."""
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            missing("no mosquitto on the path")
        command = [program, "-c", str(self.folder / "conf")]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=mosquitto", "--regid=mosquitto", "--init-groups",
                       *command]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End the broker by its process id: SIGTERM in order, SIGKILL as a power cut."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def publish(
        self, messages: Iterable[tuple[str, str | bytes]], *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish each message and wait until the broker has it."""
        client = Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(USER, PASSWORD)
        if (self.folder / "certificate.pem").exists():
            client.tls_set(str(self.folder / "certificate.pem"))
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            sent = [client.publish(topic, text, qos, retain) for topic, text in messages]
            for one in sent:
                one.wait_for_publish(20)
                assert one.is_published()
        finally:
            client.disconnect()
            client.loop_stop()


@contextmanager
def mqtt_broker(*, readable: str | None = None, tls: bool = False) -> Iterator[Broker]:
    """Make a broker, and take it away again.

    With ``readable`` its user may subscribe to that topic filter only. With ``tls`` it has a
    certificate that it signed itself, ``certificate.pem``.
    """
    # Not pytest's own folder, which nobody but root may enter.
    folder = Path(mkdtemp(prefix="chengshu-mqtt-", dir="/tmp"))
    folder.chmod(0o755)
    broker = Broker(folder, free_port())
    settings = SETTINGS.format(port=broker.port, folder=folder)
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101)
    if readable is None:
        words = f"{USER}:$7$101${b64encode(salt).decode()}${b64encode(digest).decode()}\n"
        (folder / "words").write_text(words)
        settings += f"password_file {folder}/words\n"
    else:
        (folder / "rights.json").write_text(json.dumps(_rights(readable, salt, digest)))
        plugin = next(iter(PLUGINS.parent.glob("*/mosquitto_dynamic_security.so")), None)
        settings += f"plugin {plugin}\nplugin_opt_config_file {folder}/rights.json\n"
    if tls:
        _certify(folder)
        settings += f"certfile {folder}/certificate.pem\nkeyfile {folder}/key.pem\n"
    (folder / "conf").write_text(settings)
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "mosquitto", "mosquitto")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop(signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def _rights(readable: str, salt: bytes, digest: bytes) -> dict[str, object]:
    """Return a configuration of Mosquitto's own plugin for rights."""
    acls = [
        {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
        for kind, topic in [("subscribePattern", readable), ("publishClientSend", "#"),
                            ("publishClientReceive", "#")]
    ]  # fmt: skip
    client = {
        "username": USER, "password": b64encode(digest).decode(), "iterations": 101,
        "salt": b64encode(salt).decode(), "roles": [{"rolename": "reader"}],
    }  # fmt: skip
    return {
        "defaultACLAccess": {"subscribe": False, "publishClientSend": False,
                             "publishClientReceive": False, "unsubscribe": True},
        "clients": [client], "groups": [],
        "roles": [{"rolename": "reader", "acls": acls}],
    }  # fmt: skip


def _certify(folder: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
