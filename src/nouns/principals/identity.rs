//! Reads who made a call (`userIdentity`) and which role session an `AssumeRole` call issued.
//!
//! Records are untrusted: a value of an unexpected type counts as missing.

use crate::micros::{HOUR, SECOND};
use jiff::Timestamp;
use serde_json::Value;

/// The default duration of a role session, in microseconds.
const DEFAULT_DURATION: i64 = HOUR;
/// The longest duration of a role session, in microseconds.
pub const LONGEST_DURATION: i64 = 12 * HOUR;

/// The kind of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A session of a role.
    Role,
    /// An IAM user, or a caller of an unknown kind.
    User,
    /// The root user of an account.
    Root,
    /// A user of a SAML identity provider.
    Saml,
    /// A web identity (OIDC), such as a job of a CI system.
    WebIdentity,
    /// A user of IAM Identity Center.
    IdentityCenter,
    /// A user with a federation token.
    Federated,
    /// An AWS service.
    Service,
    /// An ECS task.
    Task,
    /// An EC2 instance.
    Instance,
    /// Another account.
    Account,
}

impl PrincipalKind {
    /// The kind as one word.
    pub const fn word(self) -> &'static str {
        match self {
            PrincipalKind::Role => "role",
            PrincipalKind::User => "user",
            PrincipalKind::Root => "root",
            PrincipalKind::Saml => "saml",
            PrincipalKind::WebIdentity => "web_identity",
            PrincipalKind::IdentityCenter => "identity_center",
            PrincipalKind::Federated => "federated",
            PrincipalKind::Service => "service",
            PrincipalKind::Task => "task",
            PrincipalKind::Instance => "instance",
            PrincipalKind::Account => "account",
        }
    }
}

/// A session of a role, by its names. Sessions of different people can have the same names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// The account of the role.
    pub account: String,
    /// The role.
    pub role: String,
    /// The session name.
    pub name: String,
}

impl Session {
    /// The session in `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    fn of_arn(arn: &str) -> Option<Session> {
        let (account, resource) = account_and_resource(arn)?;
        let (role, name) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
        Session::new(account, role, name)
    }

    /// The session that a request asks for. The ARN of a role has the path of the role, the ARN of a session does not.
    fn requested(role_arn: &str, name: &str) -> Option<Session> {
        let (account, resource) = account_and_resource(role_arn)?;
        let role = resource.strip_prefix("role/")?.rsplit('/').next()?;
        Session::new(account, role, name)
    }

    fn new(account: &str, role: &str, name: &str) -> Option<Session> {
        let session = Session { account: account.to_owned(), role: role.to_owned(), name: name.to_owned() };
        (!role.is_empty() && !name.is_empty()).then_some(session)
    }

    /// Whether two sessions can be the same one: an account may be unknown.
    pub fn may_be(&self, other: &Session) -> bool {
        let same_account = self.account == other.account || self.account.is_empty() || other.account.is_empty();
        same_account && self.role == other.role && self.name == other.name
    }

    /// `ROLE/SESSION`.
    pub fn label(&self) -> String {
        format!("{}/{}", self.role, self.name)
    }

    /// Whether IAM Identity Center created the role: `AWSReservedSSO_PERMISSIONSET_HASH`. The prefix is reserved, and the
    /// session name is the name of the user.
    pub fn is_identity_center(&self) -> bool {
        let rest = self.role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.rsplit_once('_'));
        rest.is_some_and(|(set, hash)| {
            !set.is_empty() && hash.len() == 16 && hash.chars().all(|letter| letter.is_ascii_hexdigit())
        })
    }
}

fn account_and_resource(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() != Some("arn") {
        return None;
    }
    let account = parts.nth(3)?;
    Some((account, parts.next()?))
}

/// The caller of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `type`.
    pub kind: Option<String>,
    /// `accountId`.
    pub account: Option<String>,
    /// `arn`.
    pub arn: Option<String>,
    /// `principalId`.
    pub principal: Option<String>,
    /// `accessKeyId`.
    pub access_key: Option<String>,
    /// `userName`.
    pub user_name: Option<String>,
    /// `invokedBy`.
    pub invoked_by: Option<String>,
    /// The name of the role in the session issuer.
    pub role: Option<String>,
    /// The source identity of the session.
    pub source_identity: Option<String>,
    /// When the credentials of the session were issued, in microseconds since 1970.
    pub issued_at: Option<i64>,
    /// The subject of a web identity.
    pub subject: Option<String>,
    /// Whether Amazon EC2 delivered the credentials to an instance.
    pub on_instance: bool,
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A record, without the envelope of EventBridge.
fn unwrapped(record: &Value) -> &Value {
    record.get("detail").filter(|detail| detail.get("userIdentity").is_some()).unwrap_or(record)
}

impl Identity {
    /// The caller in a record.
    pub fn of_record(raw: &str) -> Option<Identity> {
        let record: Value = serde_json::from_str(raw).ok()?;
        unwrapped(&record).get("userIdentity").map(Identity::of)
    }

    /// A `userIdentity` object.
    pub fn of_json(json: &str) -> Option<Identity> {
        serde_json::from_str(json).ok().as_ref().map(Identity::of)
    }

    fn of(identity: &Value) -> Identity {
        let own = |name: &str| text(identity, &format!("/{name}"));
        let of_session = |path: &str| text(identity, &format!("/sessionContext/{path}"));
        Identity {
            kind: own("type"),
            account: own("accountId"),
            arn: own("arn"),
            principal: own("principalId"),
            access_key: own("accessKeyId"),
            user_name: own("userName"),
            invoked_by: own("invokedBy"),
            role: of_session("sessionIssuer/userName"),
            source_identity: of_session("sourceIdentity").or_else(|| own("sourceIdentity")),
            issued_at: of_session("attributes/creationDate")
                .and_then(|text| text.parse::<Timestamp>().ok())
                .map(Timestamp::as_microsecond),
            subject: subject(identity),
            on_instance: of_session("ec2RoleDelivery").is_some(),
        }
    }

    /// The role session that made the call, if it is one with a name.
    pub fn session(&self) -> Option<Session> {
        if let Some(session) = self.arn.as_deref().and_then(Session::of_arn) {
            return Some(session);
        }
        let (_, name) = self.principal.as_deref().filter(|_| self.is_role_session())?.split_once(':')?;
        Session::new(self.account.as_deref().unwrap_or_default(), self.role.as_deref()?, name)
    }

    /// Whether the caller is a role session, even if its name is missing.
    pub fn is_role_session(&self) -> bool {
        self.kind.as_deref() == Some("AssumedRole")
    }

    /// Whether only the account of the caller is recorded: the copy of a call that another account receives.
    pub fn is_only_account(&self) -> bool {
        self.kind.as_deref() == Some("AWSAccount")
    }

    /// The name and kind of a principal that is not a role session.
    pub fn named(&self) -> Option<(String, PrincipalKind)> {
        let user_name = || self.user_name.clone();
        // `HASH:NAME` of a SAML user.
        let after_colon = || self.principal.as_deref()?.split_once(':').map(|(_, name)| name.to_owned());
        let (name, kind) = match self.kind.as_deref().unwrap_or_default() {
            "Root" => (Some("root".to_owned()), PrincipalKind::Root),
            "AWSService" => (self.invoked_by.clone(), PrincipalKind::Service),
            "AWSAccount" => (self.account.as_deref().map(|account| format!("account {account}")), PrincipalKind::Account),
            "SAMLUser" => (user_name().or_else(after_colon), PrincipalKind::Saml),
            "WebIdentityUser" => (user_name().or_else(|| self.subject.clone()), PrincipalKind::WebIdentity),
            "IdentityCenterUser" => (user_name(), PrincipalKind::IdentityCenter),
            "FederatedUser" => {
                let of_arn =
                    self.arn.as_deref().and_then(|arn| arn.split_once(":federated-user/")).map(|(_, name)| name.to_owned());
                (of_arn.or_else(user_name), PrincipalKind::Federated)
            }
            _ => (user_name().or_else(|| self.invoked_by.clone()), PrincipalKind::User),
        };
        let name = name.or_else(|| self.principal.clone()).or_else(|| self.arn.clone());
        name.filter(|name| !name.is_empty()).map(|name| (name, kind))
    }

    /// What distinguishes the caller from others. Sessions with the same name but other credentials can belong to other
    /// people.
    pub fn distinct(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        let who = self.arn.as_deref().or(self.principal.as_deref()).or(self.invoked_by.as_deref()).or(self.user_name.as_deref());
        let key = self.access_key.as_deref().filter(|_| self.session().is_some());
        (self.kind.as_deref(), who, key)
    }
}

/// The subject in the federation data of a web identity session.
fn subject(identity: &Value) -> Option<String> {
    let attributes = identity.pointer("/sessionContext/webIdFederationData/attributes")?.as_object()?;
    let subject = attributes.iter().find(|(name, _)| *name == "sub" || name.ends_with(":sub"))?.1;
    subject.as_str().filter(|subject| !subject.is_empty()).map(str::to_owned)
}

/// A call that issued the credentials of a role session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// The id of its record.
    pub id: String,
    /// When it was made, in microseconds since 1970.
    pub time: i64,
    /// The duration of the session, in microseconds.
    pub lasts: i64,
    /// The access key that it issued.
    pub access_key: Option<String>,
    /// The session that it issued.
    pub session: Option<Session>,
    /// The source identity of the session.
    pub source_identity: Option<String>,
    /// The source address, unless it is that of an AWS service.
    pub from: Option<String>,
    /// Who made it.
    pub caller: Identity,
}

impl Assumption {
    /// Reads the record of a call.
    pub fn read(id: &str, time: i64, raw: &str) -> Option<Assumption> {
        let record: Value = serde_json::from_str(raw).ok()?;
        let record = unwrapped(&record);
        let caller = Identity::of(record.get("userIdentity")?);
        let of_request = |name: &str| text(record, &format!("/requestParameters/{name}"));
        let of_response = |path: &str| text(record, &format!("/responseElements/{path}"));
        let issued = of_response("assumedRoleUser/arn").as_deref().and_then(Session::of_arn);
        let requested = || Session::requested(&of_request("roleArn")?, &of_request("roleSessionName")?);
        let lasts = record.pointer("/requestParameters/durationSeconds");
        let lasts = lasts.and_then(|lasts| lasts.as_i64().or_else(|| lasts.as_str()?.parse().ok()));
        let lasts = lasts.map_or(DEFAULT_DURATION, |seconds| seconds.saturating_mul(SECOND).clamp(0, LONGEST_DURATION));
        let source_identity = of_request("sourceIdentity").or_else(|| of_response("sourceIdentity"));
        Some(Assumption {
            id: id.to_owned(),
            time,
            lasts,
            access_key: of_response("credentials/accessKeyId"),
            session: issued.or_else(requested),
            // The source identity of the caller persists through a chain of roles.
            source_identity: source_identity.or_else(|| caller.source_identity.clone()),
            from: text(record, "/sourceIPAddress").filter(|from| !from.ends_with(".amazonaws.com") && from != "AWS Internal"),
            caller,
        })
    }
}
