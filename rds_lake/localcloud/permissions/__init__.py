"""Permissions: who calls, which rights a request needs, whether policies give them, and what AWS answers where they do not."""
