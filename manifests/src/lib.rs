//! A Git commit in, Kubernetes objects out. Knows no cluster.
