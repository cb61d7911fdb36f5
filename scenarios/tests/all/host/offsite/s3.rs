//! A server that speaks S3, on the loopback, over a folder.

use std::net::SocketAddr;
use std::path::Path;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

/// What signs in.
pub(super) const KEY: &str = "operator";
/// Its secret.
pub(super) const SECRET: &str = "only-for-this-test";

/// Serves the folders below `root` as buckets, until the test ends.
///
/// # Panics
/// When it cannot listen.
pub(super) async fn serve(root: &Path) -> SocketAddr {
    let store = FileSystem::new(root).expect("a folder");
    let mut builder = S3ServiceBuilder::new(store);
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build().into_shared();
    let listening = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listening.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listening.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let http = Builder::new(TokioExecutor::new());
                // A client that hangs up is not the server's problem.
                drop(http.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    address
}
