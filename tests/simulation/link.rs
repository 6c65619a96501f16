//! The link: the bytes of both ends of AMI on their way, which take their time, stop, or are lost with the connection.
//! The client's side follows `asterisk::connection`, the server's `sandbox::server`: both are loops around the same
//! sessions that stand here.

use std::collections::VecDeque;
use std::time::Duration;

use astout::ami::{
    Account, ClientEvent, ClientOptions, ClientSession, CloseReason, Denied, NoAnswer, Privileges,
    ServerEvent, ServerOptions, ServerSession,
};
use astout::asterisk::EVENTS;
use astout::asterisk::connection::{ConnectionOptions, FromAsterisk, ToAsterisk};
use astout::asterisk::interpreter::Tag;
use astout::model::ids::DialingUuid;
use astout::sandbox::world::{Input, SessionId};
use bytes::Bytes;

use crate::kills::Point;
use crate::simulation::{Due, Simulation, millis};

const USER: &str = "astout";
const SECRET: &str = "of nobody";

/// One connection, as the PBX and the network have it.
pub(crate) struct Wire {
    pub(crate) server: ServerSession,
    /// What is no AMI and goes out all the same.
    pub(crate) raw: VecDeque<Bytes>,
    /// Until when the PBX neither reads nor writes it.
    pub(crate) stalled_until: Option<Duration>,
    /// What has come meanwhile.
    inbox: Vec<Option<Bytes>>,
    /// When the last bytes to the server, and to the client, arrive.
    to_server: Duration,
    to_client: Duration,
}

impl Wire {
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled_until.is_some()
    }
}

/// The daemon's end of the connection.
pub(crate) struct Client {
    pub(crate) wire: SessionId,
    pub(crate) session: ClientSession<Tag>,
    started: Duration,
    banner: String,
    flushing: bool,
    /// Originates that were submitted and not written.
    unwritten: Vec<DialingUuid>,
}

/// What the daemon's connection knows beyond one connection.
pub(crate) struct Dialup {
    pub(crate) client: Option<Client>,
    retry: Duration,
    outage: bool,
}

impl Dialup {
    pub(crate) fn new() -> Self {
        Self { client: None, retry: ConnectionOptions::default().retry_min, outage: false }
    }
}

impl Simulation {
    /// How long bytes take now.
    fn arrival(&mut self, not_before: Duration) -> Duration {
        let (least, more) = self.latency;
        (self.now + least + self.some(more)).max(not_before)
    }

    fn send_to_server(&mut self, session: SessionId, bytes: Option<Bytes>) {
        let Some(last) = self.wires.get(&session).map(|wire| wire.to_server) else { return };
        let arrival = self.arrival(last);
        if let Some(wire) = self.wires.get_mut(&session) {
            wire.to_server = arrival;
        }
        self.at(arrival, Due::ToServer(session, bytes));
    }

    fn send_to_client(&mut self, session: SessionId, bytes: Option<Bytes>) {
        let Some(last) = self.wires.get(&session).map(|wire| wire.to_client) else { return };
        let arrival = self.arrival(last);
        if let Some(wire) = self.wires.get_mut(&session) {
            wire.to_client = arrival;
        }
        // Nobody is there to take it once the daemon is dead.
        if self.daemon.is_some() {
            self.at(arrival, Due::ToClient(session, bytes));
        }
    }

    // ---- the PBX's end

    pub(crate) fn server_receives(&mut self, session: SessionId, bytes: Option<Bytes>) {
        let Some(wire) = self.wires.get_mut(&session) else { return };
        if wire.is_stalled() {
            return wire.inbox.push(bytes);
        }
        match bytes {
            Some(bytes) => wire.server.receive(&bytes),
            None => wire.server.receive_eof(),
        }
        self.serve(session);
    }

    /// A stall is over, if it was not made longer meanwhile.
    pub(crate) fn resume(&mut self, session: SessionId) {
        let Some(wire) = self.wires.get_mut(&session) else { return };
        if wire.stalled_until.is_none_or(|until| until > self.now) {
            return;
        }
        wire.stalled_until = None;
        if self.pbx.frozen_until.is_some_and(|until| until <= self.now) {
            self.pbx.frozen_until = None;
        }
        for bytes in std::mem::take(&mut wire.inbox) {
            self.server_receives(session, bytes);
        }
        self.serve(session);
    }

    /// Lets a session of the PBX go on as far as it can, and all of them write.
    pub(crate) fn serve(&mut self, session: SessionId) {
        loop {
            let now = self.ami_time();
            let Some(wire) = self.wires.get_mut(&session).filter(|wire| !wire.is_stalled()) else { break };
            let input = match wire.server.poll(now) {
                None => break,
                Some(ServerEvent::Authenticate(login)) => {
                    let known = login.username == USER && login.proof.matches(SECRET);
                    let account =
                        Account { name: USER.to_owned(), read: Privileges::ALL, write: Privileges::ALL };
                    wire.server
                        .authenticated(now, known.then_some(account).ok_or(Denied::AuthenticationFailed));
                    Input::LoggedIn(session)
                }
                Some(ServerEvent::Request(request)) => {
                    if request.is("Hangup") {
                        self.model.asked_to_hang_up(self.now, &request.get("Channel").unwrap_or_default());
                    }
                    Input::Request(session, request)
                }
                Some(ServerEvent::Closed(_)) => {
                    self.write_out(session);
                    self.send_to_client(session, None);
                    self.wires.remove(&session);
                    break;
                }
            };
            self.pbx_input(input);
            // The world has lost all its connections.
            if !self.wires.contains_key(&session) {
                break;
            }
        }
        for session in self.wires.keys().copied().collect::<Vec<_>>() {
            self.write_out(session);
        }
    }

    fn write_out(&mut self, session: SessionId) {
        while let Some(wire) = self.wires.get_mut(&session).filter(|wire| !wire.is_stalled()) {
            let Some(bytes) = wire.raw.pop_front().or_else(|| wire.server.take_output()) else { break };
            // TCP cuts where it likes.
            if self.rng.u8(..8) == 0 && bytes.len() > 1 {
                let mut bytes = bytes;
                let first = bytes.split_to(self.rng.usize(1..bytes.len()));
                self.send_to_client(session, Some(first));
                self.send_to_client(session, Some(bytes));
            } else {
                self.send_to_client(session, Some(bytes));
            }
        }
    }

    /// The PBX is gone, and with it its ends of all connections.
    pub(crate) fn cut_all(&mut self) {
        for session in self.wires.keys().copied().collect::<Vec<_>>() {
            if let Some(wire) = self.wires.get_mut(&session) {
                wire.stalled_until = None;
            }
            self.write_out(session);
            self.send_to_client(session, None);
            self.wires.remove(&session);
        }
    }

    /// The network loses the connection. Of what is on its way to the PBX some may still arrive.
    pub(crate) fn cut(&mut self) {
        let Some(session) = self.client_wire() else { return };
        if self.rng.bool() {
            self.forget(|due| matches!(due, Due::ToServer(to, _) if *to == session));
        }
        self.forget(|due| matches!(due, Due::ToClient(to, _) if *to == session));
        self.send_to_server(session, None);
        self.send_to_client(session, None);
    }

    fn client_wire(&self) -> Option<SessionId> {
        Some(self.daemon.as_ref()?.dialup.client.as_ref()?.wire)
    }

    // ---- the daemon's end

    pub(crate) fn connect(&mut self) {
        if self.blackout {
            return self.after(ConnectionOptions::default().connect_timeout, Due::ConnectTimeout);
        }
        if self.now < self.pbx.closed_until {
            return self.connection_lost("connection refused", false);
        }
        let Some(daemon) = &mut self.daemon else { return };
        let wire = self.pbx.next_session();
        let options = ClientOptions {
            username: USER.to_owned(),
            secret: SECRET.to_owned(),
            events_mask: EVENTS.to_owned(),
            action_id_prefix: format!("{:08x}:", self.rng.u32(..)),
            ..ClientOptions::default()
        };
        daemon.dialup.client = Some(Client {
            wire,
            session: ClientSession::new(self.now, options),
            started: self.now,
            banner: String::new(),
            flushing: false,
            unwritten: Vec::new(),
        });
        let options = ServerOptions { announces_boot: false, ..ServerOptions::default() };
        let random = self.rng.u128(..).to_le_bytes();
        let server = ServerSession::new(self.ami_time(), "the simulation", options, random);
        let stalled_until = self.pbx.frozen_until;
        let (raw, inbox) = (VecDeque::new(), Vec::new());
        let wire_there = Wire { server, raw, stalled_until, inbox, to_server: self.now, to_client: self.now };
        self.wires.insert(wire, wire_there);
        if let Some(until) = stalled_until {
            self.at(until, Due::Resume(wire));
        }
        self.serve(wire);
    }

    pub(crate) fn client_receives(&mut self, wire: SessionId, bytes: Option<Bytes>) {
        let now = self.now;
        let Some(client) = self.client(wire) else { return };
        match bytes {
            Some(bytes) => client.session.receive(now, &bytes),
            None => client.session.receive_eof(),
        }
        self.pump_client();
    }

    fn client(&mut self, wire: SessionId) -> Option<&mut Client> {
        self.daemon.as_mut()?.dialup.client.as_mut().filter(|client| client.wire == wire)
    }

    /// Hands on what the session tells, and has it write.
    pub(crate) fn pump_client(&mut self) {
        loop {
            let Some(daemon) = &mut self.daemon else { return };
            let Some(client) = &mut daemon.dialup.client else { return };
            let Some(event) = client.session.poll_event() else { break };
            let told = match event {
                ClientEvent::Banner(line) => {
                    client.banner = line;
                    continue;
                }
                ClientEvent::LoggedIn => {
                    daemon.dialup.outage = false;
                    FromAsterisk::Up { banner: std::mem::take(&mut client.banner) }
                }
                ClientEvent::Closed { why } => {
                    let refused = matches!(why, CloseReason::Refused(_));
                    return self.connection_lost(&why.to_string(), refused);
                }
                ClientEvent::Event(message) => FromAsterisk::Event(message),
                ClientEvent::FullyBooted(message) => FromAsterisk::FullyBooted(message),
                ClientEvent::Response { tag, message } => FromAsterisk::Response { tag, message },
                ClientEvent::List { tag, response, items, complete } => {
                    FromAsterisk::List { tag, response, items, complete }
                }
                ClientEvent::NoAnswer { tag, why } => FromAsterisk::NoAnswer { tag, why },
                ClientEvent::Stray(message) => FromAsterisk::Stray(message),
                ClientEvent::PingMissed { missed } => {
                    self.tally.count("pings missed");
                    FromAsterisk::PingMissed { missed }
                }
                ClientEvent::PingAnswered { round_trip } => FromAsterisk::PingAnswered { round_trip },
            };
            self.told(told);
        }
        let Some(client) = self.daemon.as_mut().and_then(|daemon| daemon.dialup.client.as_mut()) else {
            return;
        };
        if !client.flushing {
            client.flushing = true;
            let wait = self.some(self.lag.min(millis(3)));
            self.after(wait, Due::Flush);
        }
    }

    /// The connection writes what it has.
    pub(crate) fn flush(&mut self) {
        let Some(client) = self.daemon.as_mut().and_then(|daemon| daemon.dialup.client.as_mut()) else {
            return;
        };
        client.flushing = false;
        let (wire, mut written) = (client.wire, Vec::new());
        while let Some(bytes) = client.session.take_output() {
            written.push(bytes);
        }
        let originates = if written.is_empty() { Vec::new() } else { std::mem::take(&mut client.unwritten) };
        for bytes in written {
            self.send_to_server(wire, Some(bytes));
        }
        for dialing in &originates {
            self.trace.say(self.now, || format!("astout  writes the Originate of {dialing}"));
            self.model.written(self.now, *dialing);
        }
        if !originates.is_empty() {
            self.reach(Point::OriginateWritten);
        }
    }

    /// The interpreter asks the connection for something.
    pub(crate) fn ask(&mut self, ask: ToAsterisk<Tag>) {
        let now = self.now;
        let Some(daemon) = &mut self.daemon else { return };
        let Some(client) = &mut daemon.dialup.client else {
            let (ToAsterisk::Submit { tag, .. } | ToAsterisk::SubmitList { tag, .. }) = ask else { return };
            return self.told(FromAsterisk::NoAnswer { tag, why: NoAnswer::NotSent });
        };
        match ask {
            ToAsterisk::Submit { action, tag } => {
                if let Tag::Originate(dialing) = &tag
                    && client.session.is_logged_in()
                {
                    client.unwritten.push(*dialing);
                }
                client.session.submit(now, action, tag);
            }
            ToAsterisk::SubmitList { action, tag } => client.session.submit_list(now, action, tag),
            // Nobody here asks whether a loop turns.
            ToAsterisk::Beat(_) => {}
        }
        self.pump_client();
    }

    /// The connection is over, or was not made; the next try waits.
    pub(crate) fn connection_lost(&mut self, why: &str, refused: bool) {
        self.trace.say(self.now, || format!("astout  is not connected: {why}"));
        let options = ConnectionOptions::default();
        let Some(daemon) = &mut self.daemon else { return };
        let dialup = &mut daemon.dialup;
        let client = dialup.client.take();
        if let Some(client) = &client
            && !dialup.outage
            && self.now >= client.started + options.retry_max
        {
            dialup.retry = options.retry_min;
        }
        let first = !std::mem::replace(&mut dialup.outage, true);
        let wait = if refused { dialup.retry.max(options.retry_refused) } else { dialup.retry };
        dialup.retry = (dialup.retry * 2).min(options.retry_max);
        if first {
            self.told(FromAsterisk::Down { why: why.to_owned(), refused });
        }
        if let Some(client) = client {
            self.send_to_server(client.wire, None);
            self.model.blind(self.now);
        }
        let wait = wait.mul_f64(1.0 + 0.25 * self.rng.f64());
        self.after(wait, Due::Connect);
    }

    /// The daemon has died: the kernel closes its end.
    pub(crate) fn hang_up_link(&mut self, client: Option<Client>) {
        if let Some(client) = client {
            self.send_to_server(client.wire, None);
        }
    }
}
