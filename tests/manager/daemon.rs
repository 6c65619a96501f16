//! A daemon with a real store, engine and driver; in Asterisk's place stands the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use astout::ami::{Class, Privileges};
use astout::asterisk::Order;
use astout::daemon::clock::Clock;
use astout::daemon::control::{Control, Manner};
use astout::daemon::driver::{self, Parts};
use astout::daemon::handle::Handle;
use astout::engine::dialing::{CallEvent, Response};
use astout::engine::{Engine, Input, Options as EngineOptions, Records};
use astout::manager::{self, Options, Secret, User};
use astout::model::dialing::Attempt;
use astout::model::dialing::NextTry;
use astout::model::fields::Fields;
use astout::model::ids::{DialingUuid, Ids};
use astout::model::policy::Policy;
use astout::model::refusal::NounKind;
use astout::model::result::ResultOptions;
use astout::result_log::{LogWriter, ResultLog};
use astout::store::{Store, StoreOptions};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::client::{Client, LONG};

/// A daemon that listens. It stops when it is dropped, and `astout check` looks whether the promises held.
pub(crate) struct Daemon {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    orders: mpsc::UnboundedReceiver<Order>,
    inputs: mpsc::Sender<Input>,
    dir: TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.cancel();
        if !std::thread::panicking() {
            self.check();
        }
    }
}

fn user(name: &str, secret: Secret, read: Privileges, write: Privileges) -> User {
    User { name: name.to_owned(), secret, read, write, permit: Vec::new(), deny: Vec::new() }
}

/// `admin`/`secret` may everything, `viewer`/`secret` only read our events, `nobody`/`secret` nothing; `remote` may come
/// from elsewhere only.
fn users() -> Vec<User> {
    let plain = || Secret::Plain("secret".to_owned());
    let remote = User {
        deny: vec!["127.0.0.0/8".parse().unwrap()],
        ..user("remote", plain(), Privileges::ALL, Privileges::ALL)
    };
    vec![
        user("admin", plain(), Privileges::ALL, Privileges::ALL),
        user("viewer", plain(), Class::Message.into(), Privileges::NONE),
        user("nobody", plain(), Privileges::NONE, Privileges::NONE),
        remote,
    ]
}

impl Daemon {
    fn check(&self) {
        let (config, at) = (self.dir.path().join("astout.toml"), self.dir.path().display());
        let files = format!(
            "[asterisk]\nusername = \"nobody\"\nsecret = \"of the tests\"\n\
             [database]\nurl = \"sqlite://{at}/db\"\n[result]\nfilename = \"{at}/result\"\n"
        );
        std::fs::write(&config, files).unwrap();
        let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_astout"));
        let output = check.arg("check").arg("--config").arg(config).output().unwrap();
        let (said, failed) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "astout check: {:?}\n{said}{failed}", output.status);
    }

    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("db").display());
        let policy = Policy::default();
        let options =
            StoreOptions { url, policy: policy.clone(), result: ResultOptions::default(), log_seq: 0 };
        let opened = Store::open(options).await.unwrap();
        let engine = Engine::new(
            EngineOptions {
                max_channels: 500,
                calls_per_second: 50,
                max_unanswered: 10,
                policy,
                on_unknown: NextTry::default(),
                preview_timeout: Duration::from_secs(60),
            },
            Records::default(),
            Ids::new(Uuid::now_v7),
        );
        let (orders_in, orders) = mpsc::unbounded_channel();
        let (inputs, inputs_out) = mpsc::channel(1024);
        let log = LogWriter::start(ResultLog::open(&dir.path().join("result")).unwrap(), Vec::new());
        let clock = Clock::start();
        let (driver, handle) = driver::new(Parts {
            engine,
            store: opened.store,
            committed: opened.done,
            orders: orders_in,
            inputs: inputs_out,
            log,
            low: tokio::sync::watch::channel(false).1,
            health: opened.health,
            clock,
            hang_up_orphans: false,
        });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let control = Control::new().0;
        let (ends, asked) = (control.stop.clone(), stop.clone());
        tokio::spawn(async move {
            asked.cancelled().await;
            ends.request(Manner::InOrder);
        });
        tokio::spawn(driver.run(control.stop.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let users = tokio::sync::watch::channel(Arc::from(users())).1;
        let options = Arc::new(Options { users, started: Duration::ZERO, relay: None });
        tokio::spawn(manager::serve(
            listener,
            Arc::clone(&options),
            handle.clone(),
            clock,
            tasks.clone(),
            stop.clone(),
        ));
        let local = UnixListener::bind(dir.path().join("ctl.sock")).unwrap();
        tokio::spawn(manager::serve_local(
            local,
            options,
            handle.clone(),
            control,
            clock,
            tasks.clone(),
            stop.clone(),
        ));
        Self { address, handle, stop, tasks, orders, inputs, dir }
    }

    /// A client that has read the banner.
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// A client that is logged in with the classes that its user has.
    pub(crate) async fn login(&self, user: &str) -> Client {
        self.login_with_events(user, "on").await
    }

    pub(crate) async fn login_with_events(&self, user: &str, events: &str) -> Client {
        let mut client = self.connect().await;
        client.login(user, "secret", events).await;
        client
    }

    /// A client on the command line's socket.
    pub(crate) async fn connect_locally(&self) -> Client<tokio::net::UnixStream> {
        Client::connect_locally(&self.dir.path().join("ctl.sock")).await
    }

    /// Creates nouns all at once, which is faster than one after the other.
    pub(crate) async fn create_all(&self, kind: NounKind, all: impl IntoIterator<Item = Fields>) {
        let created = join_all(all.into_iter().map(|fields| self.handle.create(kind, fields))).await;
        created.into_iter().for_each(|created| drop(created.unwrap()));
    }

    /// Updates one plan over and over: an event each time.
    pub(crate) async fn update_plan(&self, fields: &Fields, times: usize) {
        let updates = (0..times).map(|_| self.handle.update(NounKind::Plan, fields.clone()));
        join_all(updates).await.into_iter().for_each(|updated| drop(updated.unwrap()));
    }

    /// Asterisk is there, and has no channels.
    pub(crate) async fn asterisk_comes(&self) {
        self.input(Input::LinkUp { epoch: "1".to_owned() }).await;
        self.input(Input::Live(Some(Vec::new()))).await;
    }

    /// The next call that Asterisk is told to make.
    pub(crate) async fn originate(&mut self) -> Arc<Attempt> {
        let wanted = async {
            loop {
                if let Order::Originate(attempt) = self.orders.recv().await.unwrap() {
                    return attempt;
                }
            }
        };
        timeout(LONG, wanted).await.expect("an originate")
    }

    pub(crate) async fn call(&self, dialing: DialingUuid, event: CallEvent) {
        self.input(Input::Call(dialing, event)).await;
    }

    /// Asterisk takes the Originate, and the channel rings.
    pub(crate) async fn rings(&self, attempt: &Attempt) {
        let name = format!("{}-00000001", attempt.channel);
        for event in [CallEvent::Sent, CallEvent::Queued, CallEvent::ChannelCreated { name }] {
            self.call(attempt.uuid, event).await;
        }
    }

    /// It is answered, and hung up later.
    pub(crate) async fn is_answered_and_ends(&self, attempt: &Attempt) {
        let cause = astout::model::codes::HangupCause(16);
        let hangup = CallEvent::Hangup { cause, text: "Normal Clearing".to_owned(), amd: None };
        let responded = CallEvent::Responded(Response::Success);
        for event in [CallEvent::Up, responded, hangup] {
            self.call(attempt.uuid, event).await;
        }
    }

    async fn input(&self, input: Input) {
        self.inputs.send(input).await.unwrap();
    }
}
