//! A machine in a process: namespaces, and a switch in user space.
