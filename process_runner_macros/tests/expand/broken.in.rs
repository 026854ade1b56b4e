/// Errors keep the struct, without our attributes, and add a stand-in.
#[job(lock_driver = "etdc")]
struct Broken {
    #[job(defualt = 5)]
    #[serde(rename = "x")]
    batch_size: u32,
}

#[job]
enum NoStruct {
    #[job(default)]
    First,
}
