#[job]
struct Heartbeat;
