//! The rules of etcd's key space that are easy to get wrong, one test each.
