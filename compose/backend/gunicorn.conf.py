bind = "0.0.0.0:8000"
workers = 2
threads = 2
worker_class = "gthread"
# One import for all workers, and one clear failure instead of a boot loop.
preload_app = True
# Heartbeats in memory: on a disk, a long flush would look like a hung worker.
worker_tmp_dir = "/dev/shm"
timeout = 60
graceful_timeout = 8
