"""Where trials live: in this process, in worker processes; and the host that runs them inside a worker."""
