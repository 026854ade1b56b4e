struct Heartbeat;
const _: () = {
    #[derive(
        ::process_runner::__private::serde::Deserialize,
        ::process_runner::__private::schemars::JsonSchema
    )]
    #[serde(
        crate = "::process_runner::__private::serde",
        rename = "Heartbeat",
        expecting = "the options of `Heartbeat`, a map",
        deny_unknown_fields
    )]
    #[schemars(crate = "::process_runner::__private::schemars")]
    pub struct __HeartbeatOptions {}
    #[automatically_derived]
    impl ::process_runner::__private::JobClass for Heartbeat {
        const NAME: &'static str = "Heartbeat";
        const LOCK_DRIVER: &'static str = "etcd";
        const PLACE: ::process_runner::__private::Place = ::process_runner::__private::Place {
            file: ::core::file!(),
            line: ::core::line!(),
        };
        type Options = __HeartbeatOptions;
        fn requirements() -> ::std::vec::Vec<
            ::process_runner::__private::StateRequirement,
        > {
            ::std::vec::Vec::from([])
        }
        #[allow(deprecated, unused_variables)]
        fn build(
            options: __HeartbeatOptions,
            states: &::process_runner::__private::States,
        ) -> ::core::result::Result<Self, &'static str> {
            ::core::result::Result::Ok(Self {})
        }
        fn lock_driver(
            _: &::process_runner::__private::States,
        ) -> ::core::option::Option<
            ::std::boxed::Box<dyn ::process_runner::__private::LockDriver>,
        > {
            ::core::option::Option::None
        }
    }
    ::process_runner::__private::inventory::submit! {
        ::process_runner::__private::ClassEntry::of:: < Heartbeat > ()
    }
};
