"""A mail server for the tests, on a port of 127.0.0.1: keeps what it is sent.

    smtp_server.py FOLDER plain|starttls|tls PORT

Each mail becomes FOLDER/<number>.json. With TLS the certificate's authority is FOLDER/ca.pem; with
starttls it wants user "u" and password "p" as well. Mail to nobody@… is refused for good, to
later@… for now. While FOLDER/hold exists a mail that was kept is not yet acknowledged.
"""

import asyncio
import json
import pathlib
import ssl
import sys

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

folder, mode, port = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])


class Keeper:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return f"550 5.1.1 {address}: no such mailbox"
        if address.startswith("later@"):
            return f"451 4.7.1 {address}: try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {"to": envelope.rcpt_tos, "tls": session.ssl is not None or mode == "tls"}
        mail["user"] = bool(session.authenticated)
        mail["text"] = envelope.content.decode()
        number = len(list(folder.glob("*.json")))
        draft = folder / f"{number}.part"
        draft.write_text(json.dumps(mail))
        draft.rename(folder / f"{number}.json")
        while (folder / "hold").exists():
            await asyncio.sleep(0.02)
        return "250 OK"


def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"u", b"p"))


def context():
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return tls


async def main():
    tls = None if mode == "plain" else context()
    options = {"hostname": "localhost"}
    if mode == "starttls":
        options |= {"tls_context": tls, "require_starttls": True}
        options |= {"authenticator": login, "auth_required": True}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Keeper(), **options), "127.0.0.1", port, ssl=tls if mode == "tls" else None
    )
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
