"""A command that is told to stop cleans up first: as the first process of a container it
would otherwise ignore SIGTERM, and then be killed."""

import signal


def on_sigterm():
    def stop(_signal, _frame):
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, stop)
