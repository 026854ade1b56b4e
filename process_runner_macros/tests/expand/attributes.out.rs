/// Options with names of their own.
#[cfg(unix)]
#[derive(Debug)]
struct Import {
    patience: Duration,
    r#type: u8,
    #[cfg(feature = "metrics")]
    metrics: Metrics,
    #[cfg(feature = "metrics")]
    prefix: String,
    #[allow(dead_code)]
    position: u64,
}
#[cfg(unix)]
const _: () = {
    #[allow(non_camel_case_types)]
    type __Option_type = ::process_runner::__private::option_source!(u8);
    const _: () = ::process_runner::__private::option_value::<u8>();
    #[cfg(feature = "metrics")]
    #[allow(non_upper_case_globals)]
    const __STATE_metrics: ::process_runner::__private::StateSource<Metrics> = ::process_runner::__private::state_source::<
        Metrics,
    >("metrics");
    #[cfg(feature = "metrics")]
    #[allow(non_camel_case_types)]
    type __Option_prefix = ::process_runner::__private::option_source!(String);
    #[cfg(feature = "metrics")]
    const _: () = ::process_runner::__private::option_value::<String>();
    #[derive(
        ::process_runner::__private::serde::Deserialize,
        ::process_runner::__private::schemars::JsonSchema
    )]
    #[serde(
        crate = "::process_runner::__private::serde",
        rename = "Import",
        expecting = "the options of `Import`, a map",
        deny_unknown_fields
    )]
    #[schemars(crate = "::process_runner::__private::schemars")]
    /// Options with names of their own.
    #[serde(rename_all = "kebab-case")]
    #[schemars(title = "Import")]
    pub struct __ImportOptions {
        #[serde(with = "seconds")]
        #[schemars(with = "u64")]
        #[serde(default = "Import::__patience")]
        patience: Duration,
        #[serde(rename = "from")]
        #[schemars(range(max = 10))]
        r#type: ::process_runner::__private::Read<__Option_type>,
        #[cfg(feature = "metrics")]
        #[serde(default = "Import::__prefix")]
        prefix: ::process_runner::__private::Read<__Option_prefix>,
    }
    impl Import {
        fn __patience() -> Duration {
            Duration::from_secs(5)
        }
        #[cfg(feature = "metrics")]
        fn __prefix() -> ::process_runner::__private::Read<__Option_prefix> {
            let value: String = ::core::convert::Into::into("import");
            __Option_prefix::default(value)
        }
        fn __position() -> u64 {
            Self::START
        }
    }
    #[automatically_derived]
    impl ::process_runner::__private::JobClass for Import {
        const NAME: &'static str = "Import";
        const LOCK_DRIVER: &'static str = "etcd";
        const PLACE: ::process_runner::__private::Place = ::process_runner::__private::Place {
            file: ::core::file!(),
            line: ::core::line!(),
        };
        type Options = __ImportOptions;
        fn requirements() -> ::std::vec::Vec<
            ::process_runner::__private::StateRequirement,
        > {
            ::std::vec::Vec::from([
                #[cfg(feature = "metrics")]
                __STATE_metrics.requirement(),
            ])
        }
        #[allow(deprecated, unused_variables)]
        fn build(
            options: __ImportOptions,
            states: &::process_runner::__private::States,
        ) -> ::core::result::Result<Self, &'static str> {
            ::core::result::Result::Ok(Self {
                patience: options.patience,
                r#type: __Option_type::get(options.r#type),
                #[cfg(feature = "metrics")]
                metrics: __STATE_metrics.get(states)?,
                #[cfg(feature = "metrics")]
                prefix: __Option_prefix::get(options.prefix),
                position: Self::__position(),
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
        ::process_runner::__private::ClassEntry::of:: < Import > ()
    }
};
