/// Errors keep the struct, without our attributes, and add a stand-in.
struct Broken {
    batch_size: u32,
}
#[automatically_derived]
impl ::process_runner::__private::JobClass for Broken {
    const NAME: &'static str = "";
    const LOCK_DRIVER: &'static str = "";
    const PLACE: ::process_runner::__private::Place = ::process_runner::__private::Place {
        file: "",
        line: 0,
    };
    type Options = ();
    fn requirements() -> ::std::vec::Vec<::process_runner::__private::StateRequirement> {
        ::std::vec::Vec::new()
    }
    fn build(
        _: (),
        _: &::process_runner::__private::States,
    ) -> ::core::result::Result<Self, &'static str> {
        ::core::result::Result::Err("")
    }
    fn lock_driver(
        _: &::process_runner::__private::States,
    ) -> ::core::option::Option<
        ::std::boxed::Box<dyn ::process_runner::__private::LockDriver>,
    > {
        ::core::option::Option::None
    }
}
::core::compile_error! {
    "`#[job]` on a field has no key `defualt`; did you mean `default`?"
}
::core::compile_error! {
    "there is no lock driver `etdc`; did you mean `etcd`? known drivers: `etcd`, or the path of a type that implements `LockDriver`"
}
enum NoStruct {
    First,
}
::core::compile_error! {
    "`#[job]` goes on a struct, and this is an enum"
}
