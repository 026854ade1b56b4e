/// Drains a queue.
pub struct ProcessQueue {
    /// How many records one iteration locks.
    batch_size: u32,
    tags: Vec<String>,
    limit: Option<u32>,
    db: PgPool,
    seen: HashSet<u64>,
}
const _: () = {
    #[allow(non_camel_case_types)]
    type __Option_batch_size = ::process_runner::__private::option_source!(u32);
    const _: () = ::process_runner::__private::option_value::<u32>();
    #[allow(non_camel_case_types)]
    type __Option_tags = ::process_runner::__private::option_source!(Vec < String >);
    const _: () = ::process_runner::__private::option_value::<Vec<String>>();
    #[allow(non_camel_case_types)]
    type __Option_limit = ::process_runner::__private::option_source!(Option < u32 >);
    const _: () = ::process_runner::__private::option_value::<Option<u32>>();
    #[allow(non_upper_case_globals)]
    const __STATE_db: ::process_runner::__private::StateSource<PgPool> = ::process_runner::__private::state_source::<
        PgPool,
    >("db");
    #[derive(
        ::process_runner::__private::serde::Deserialize,
        ::process_runner::__private::schemars::JsonSchema
    )]
    #[serde(
        crate = "::process_runner::__private::serde",
        rename = "ProcessQueue",
        expecting = "the options of `ProcessQueue`, a map",
        deny_unknown_fields
    )]
    #[schemars(crate = "::process_runner::__private::schemars")]
    /// Drains a queue.
    pub struct __ProcessQueueOptions {
        /// How many records one iteration locks.
        #[serde(default = "ProcessQueue::__batch_size")]
        batch_size: ::process_runner::__private::Read<__Option_batch_size>,
        #[serde(default = "ProcessQueue::__tags")]
        tags: ::process_runner::__private::Read<__Option_tags>,
        limit: ::process_runner::__private::Read<__Option_limit>,
    }
    impl ProcessQueue {
        fn __batch_size() -> ::process_runner::__private::Read<__Option_batch_size> {
            let value: u32 = 1000;
            __Option_batch_size::default(value)
        }
        fn __tags() -> ::process_runner::__private::Read<__Option_tags> {
            let value: Vec<String> = <Vec<
                String,
            > as ::core::default::Default>::default();
            __Option_tags::default(value)
        }
    }
    #[automatically_derived]
    impl ::process_runner::__private::JobClass for ProcessQueue {
        const NAME: &'static str = "ProcessQueue";
        const LOCK_DRIVER: &'static str = "etcd";
        const PLACE: ::process_runner::__private::Place = ::process_runner::__private::Place {
            file: ::core::file!(),
            line: ::core::line!(),
        };
        type Options = __ProcessQueueOptions;
        fn requirements() -> ::std::vec::Vec<
            ::process_runner::__private::StateRequirement,
        > {
            ::std::vec::Vec::from([__STATE_db.requirement()])
        }
        #[allow(deprecated, unused_variables)]
        fn build(
            options: __ProcessQueueOptions,
            states: &::process_runner::__private::States,
        ) -> ::core::result::Result<Self, &'static str> {
            ::core::result::Result::Ok(Self {
                batch_size: __Option_batch_size::get(options.batch_size),
                tags: __Option_tags::get(options.tags),
                limit: __Option_limit::get(options.limit),
                db: __STATE_db.get(states)?,
                seen: <HashSet<u64> as ::core::default::Default>::default(),
            })
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
        ::process_runner::__private::ClassEntry::of:: < ProcessQueue > ()
    }
};
