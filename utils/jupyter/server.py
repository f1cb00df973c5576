"""One setting of the Jupyter server that the interactive pieces need: small messages leave at once.

A piece answers a slider with a few small messages. Without this, TCP holds the second until the browser has
acknowledged the first, which takes it 40 ms (Nagle's algorithm meets delayed acknowledgements).
"""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """The usual connection between a page and its kernel, without the delay."""

    def connect(self):
        """Connect as usual, and ask TCP not to wait."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
