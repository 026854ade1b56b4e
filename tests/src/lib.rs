//! What end-to-end tests share: servers that live as long as the test that started them.

pub mod certificates;
pub mod etcd;
pub mod history;
pub mod laws;
pub mod port;
pub mod postgres;
pub mod program;
pub mod proxy;
