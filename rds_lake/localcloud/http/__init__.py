"""Requests and answers: the server, the router, AWS's protocols, and clients without a socket. The local cloud's lowest folder."""
