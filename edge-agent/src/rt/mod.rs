//! A single-threaded reactor: descriptors, timers and signals on one epoll instance, no helper thread.
