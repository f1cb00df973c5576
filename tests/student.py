"""A student of a `Classroom`, who logs in, runs cells and moves sliders over HTTP and a websocket, as a browser does.

    student = Student(room, "ada", room.passwords["students"])
    student.open()
    with student.kernel("notebooks/02_gradient_descent.ipynb") as kernel:
        status, text = kernel.run("print(1)")
"""

import contextlib
import json
import queue
import threading
import time
import uuid

import requests
import websocket
from requests.adapters import HTTPAdapter
from urllib3.util import Retry


class Student:
    """Somebody who logs in over HTTP, as a browser would."""

    def __init__(self, room, name, password):
        self.room, self.name, self.password = room, name, password
        self.http = requests.Session()
        again = Retry(3, allowed_methods=None, backoff_factor=0.2)  # a kept connection may be closed under our feet
        self.http.mount("http://", HTTPAdapter(max_retries=again))
        room.stack.callback(self.http.close)
        self.server = f"{room.url}/user/{name}"

    def log_in(self, then="/hub/spawn"):
        """Send name and password, and return the status of the page to which that leads: 200 if they were right."""
        login = f"{self.room.url}/hub/login"
        self.http.get(login, timeout=60)
        form = {"username": self.name, "password": self.password, "_xsrf": self._xsrf("/hub/")}
        return self.http.post(login, params={"next": then}, data=form, timeout=240).status_code

    def open(self, seconds=180):
        """Log in, wait for the server, and return the HTML of its first page."""
        status, end = self.log_in(), time.monotonic() + seconds
        while time.monotonic() < end and status == 200:
            answer = self.http.get(f"{self.server}/lab/tree/notebooks", timeout=240)
            if answer.ok and answer.url.startswith(f"{self.server}/lab"):
                return answer.text
            time.sleep(0.3)
        raise RuntimeError(f"{self.name} has no server (status {status}):\n{self.room.log.read_text()[-3000:]}")

    def add(self, name):
        """Add a name to the hub's, as an administrator; return the answer's status."""
        headers = {"X-XSRFToken": self._xsrf("/hub/")}
        return self.http.post(f"{self.room.url}/hub/api/users/{name}", headers=headers, timeout=60).status_code

    def stop(self):
        """Stop the student's server, and wait until it has ended."""
        address, headers = f"{self.room.url}/hub/api/users/{self.name}/server", {"X-XSRFToken": self._xsrf("/hub/")}
        while self.http.delete(address, headers=headers, timeout=60).status_code != 204:
            time.sleep(0.3)

    def _xsrf(self, path):
        return next((c.value for c in self.http.cookies if c.name == "_xsrf" and c.path == path), "")

    def api(self, method, path, **options):
        """Ask the student's own server; return what it says, or raise."""
        headers = {"X-XSRFToken": self._xsrf(f"/user/{self.name}/")}
        answer = self.http.request(method, f"{self.server}/api/{path}", headers=headers, timeout=120, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    @contextlib.contextmanager
    def kernel(self, notebook):
        """Open a notebook's kernel, and close it at the end."""
        wanted = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        session = self.api("POST", "sessions", json=wanted)
        number = session["kernel"]["id"]
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.http.cookies
                            if c.path in ("/", f"/user/{self.name}/"))
        address = f"{self.server}/api/kernels/{number}/channels?session_id={uuid.uuid4().hex}".replace("http", "ws", 1)
        kernel = Kernel(websocket.create_connection(address, cookie=cookies, timeout=240, origin=self.room.url,
                                                    skip_utf8_validation=True))  # it would be done in Python
        try:
            yield kernel
        finally:
            kernel.close()
            self.api("DELETE", f"sessions/{session['id']}")


class Kernel:
    """The wire to a kernel; `comms` holds the state of every widget that it has opened.

    A thread listens all the time, as a browser does, and answers the server, which hangs up on whoever is silent.
    Like the page it answers a piece in motion that asks how far it has come.
    """

    def __init__(self, wire):
        self.wire, self.comms, self.heard = wire, {}, queue.Queue()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        with contextlib.suppress(websocket.WebSocketException, OSError):
            while text := self.wire.recv():
                self.heard.put(text)

    def close(self):
        """Hang up."""
        self.wire.close()
        self.listener.join(10)

    def send(self, kind, content):
        """Send a message, and return its number."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "username": "", "session": "", "version": "5.3",
                  "date": "2026-01-01T00:00:00Z"}
        self.wire.send(json.dumps({"channel": "shell", "header": header, "parent_header": {}, "metadata": {},
                                   "content": content}))
        return header["msg_id"]

    def receive(self):
        """Return the next message, and remember a widget's state."""
        message = json.loads(self.heard.get(timeout=240))
        content = message["content"]
        if message["msg_type"] == "comm_open":
            self.comms[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif message["msg_type"] == "comm_msg" and content["data"].get("method") == "update":
            self.comms.setdefault(content["comm_id"], {}).update(content["data"]["state"])
        else:
            return message
        state = content["data"].get("state", {})
        if "asked" in state:
            self.set(content["comm_id"], "answered", state["asked"])
        return message

    def set(self, widget, name, value):
        """Set what a widget knows, as the page would."""
        self.send("comm_msg", {"comm_id": widget, "data": {"method": "update", "state": {name: value},
                                                           "buffer_paths": []}})

    def run(self, source):
        """Run a cell; return (status, all text that it printed or raised)."""
        number = self.send("execute_request", {"code": source, "silent": False, "store_history": True,
                                               "user_expressions": {}, "allow_stdin": False, "stop_on_error": False})
        status, idle, text = None, False, ""
        while not (status and idle):
            message = self.receive()
            if message["parent_header"].get("msg_id") != number:
                continue
            content = message["content"]
            status = content["status"] if message["msg_type"] == "execute_reply" else status
            idle = idle or content.get("execution_state") == "idle"
            text += content.get("text", "") if message["msg_type"] == "stream" else ""
            text += "\n".join(content["traceback"]) if message["msg_type"] == "error" else ""
        return status, text

    def slider(self, name, last=False):
        """Return the number of the first or last slider with a name."""
        found = [n for n, state in self.comms.items() if "Slider" in (state.get("_model_name") or "")
                 and state.get("description") == name]
        return found[-1 if last else 0]

    def move(self, slider, value, seconds=20):
        """Move a slider, and return the seconds until the picture that follows it has arrived."""
        began = time.perf_counter()
        self.set(slider, "value", value)
        self.picture(seconds)
        return time.perf_counter() - began

    def picture(self, seconds=60):
        """Wait for the next picture of a piece."""
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            message = self.receive()
            state = message["content"].get("data", {}).get("state", {}) if message["msg_type"] == "comm_msg" else {}
            if "lecture-stage" in str(state.get("value")):
                return
        raise TimeoutError(f"No picture came within {seconds} seconds.")
