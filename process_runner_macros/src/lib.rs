//! The attribute macros of process_runner.
use proc_macro::TokenStream;
/// Registers a job class.
#[proc_macro_attribute]
pub fn job(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
/// Registers a state constructor.
#[proc_macro_attribute]
pub fn state(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
