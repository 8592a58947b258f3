//! A Git commit in, Kubernetes objects out. Knows no cluster.
//!
//! ```text
//! URL ─► git::Mirror ─► source (a commit's tree, or a folder) ─► loader ─► objects ─► Render
//! ```
//!
//! Nothing is checked out and no program is run. Everything that comes from a source is capped
//! ([`Limits`]), and everything that is wrong with it is reported at once ([`Problems`]), each with
//! its file and line.
//!
//! | module | what it holds |
//! |---|---|
//! | [`git`] | a bare mirror, and names of commits |
//! | `source` | walking a commit or a folder: globs, links, caps |
//! | `loader` | YAML and JSON as kubectl reads them |
//! | `objects` | lists unfolded, identities, namespaces |
//! | `read` | files read and parsed, on several threads |
//! | [`mod@cache`] | the memory of one source, by blob and tree id |
//! | [`mod@render`] | the whole, from a commit or from files |
//! | [`emit`] | objects written as YAML that reads back as they were |

pub mod cache;
pub mod emit;
pub mod git;
mod loader;
mod objects;
pub mod options;
pub mod problem;
mod read;
pub mod render;
mod source;

pub use cache::{Changes, Outline, Outlines, RenderCache};
pub use git::{CommitInfo, GitError, Mirror, Reference, Revision};
pub use loader::is_parsing;
pub use options::{Limits, RenderOptions};
pub use problem::{Problem, Problems};
pub use render::{
    FileSource, Render, SourceError, TreeId, fetch_and_render, load_stream, parse_stream, render,
    render_files,
};
