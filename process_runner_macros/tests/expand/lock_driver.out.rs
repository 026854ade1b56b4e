struct Guarded {
    directory: PathBuf,
}
const _: () = {
    #[allow(non_camel_case_types)]
    type __Option_directory = runner::__private::option_source!(PathBuf);
    const _: () = runner::__private::option_value::<PathBuf>();
    const __LOCK_DRIVER: runner::__private::DriverSource<locks::AdvisoryLock> = runner::__private::driver_source::<
        locks::AdvisoryLock,
    >();
    #[derive(
        runner::__private::serde::Deserialize,
        runner::__private::schemars::JsonSchema
    )]
    #[serde(
        crate = "runner::__private::serde",
        rename = "guarded",
        expecting = "the options of `guarded`, a map",
        deny_unknown_fields
    )]
    #[schemars(crate = "runner::__private::schemars")]
    pub struct __GuardedOptions {
        #[serde(default = "Guarded::__directory")]
        directory: runner::__private::Read<__Option_directory>,
    }
    impl Guarded {
        fn __directory() -> runner::__private::Read<__Option_directory> {
            let value: PathBuf = ::core::convert::Into::into("/var/spool");
            __Option_directory::default(value)
        }
    }
    #[automatically_derived]
    impl runner::__private::JobClass for Guarded {
        const NAME: &'static str = "guarded";
        const LOCK_DRIVER: &'static str = "locks::AdvisoryLock";
        const PLACE: runner::__private::Place = runner::__private::Place {
            file: ::core::file!(),
            line: ::core::line!(),
        };
        type Options = __GuardedOptions;
        fn requirements() -> ::std::vec::Vec<runner::__private::StateRequirement> {
            ::std::vec::Vec::from([__LOCK_DRIVER.requirement()])
        }
        #[allow(deprecated, unused_variables)]
        fn build(
            options: __GuardedOptions,
            states: &runner::__private::States,
        ) -> ::core::result::Result<Self, &'static str> {
            __LOCK_DRIVER.check(states)?;
            ::core::result::Result::Ok(Self {
                directory: __Option_directory::get(options.directory),
            })
        }
        fn lock_driver(
            states: &runner::__private::States,
        ) -> ::core::option::Option<
            ::std::boxed::Box<dyn runner::__private::LockDriver>,
        > {
            __LOCK_DRIVER.driver(states)
        }
    }
    runner::__private::inventory::submit! {
        runner::__private::ClassEntry::of:: < Guarded > ()
    }
};
