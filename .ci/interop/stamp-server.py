"""An RFC 3161 authority for one test: answers requests with `openssl ts`.

Usage: stamp-server.py PORT CONFIG
"""

import http.server
import pathlib
import subprocess
import sys
import tempfile

port, config = int(sys.argv[1]), sys.argv[2]


class Authority(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        with tempfile.TemporaryDirectory() as folder:
            asked, answer = (pathlib.Path(folder) / name for name in ("tsq", "tsr"))
            asked.write_bytes(query)
            command = ["openssl", "ts", "-reply", "-config", config, "-queryfile", asked, "-out", answer]
            subprocess.run(command, check=True, capture_output=True)
            reply = answer.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Authority).serve_forever()
