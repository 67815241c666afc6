"""Requests and answers: the server, the router, AWS's protocols, and in-process clients. The lowest layer of the local cloud."""
