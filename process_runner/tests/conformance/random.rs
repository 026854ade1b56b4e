//! Random histories, the same for every server, compared reply by reply.
