//! Searches and queries against a model: a list of rows that is looked through from end to end.

mod bytes;
mod exact;
mod golden;
mod groups;
mod lexical;
mod measure;
mod model;
mod products;
mod replies;
mod walk;
