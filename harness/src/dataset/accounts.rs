//! The accounts that probes sign in with. Their passwords derive from the seed, and are stored
//! as Django stores them.

use std::fmt;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive};

use super::school::{School, key};

/// The default of Django 4.2 (`PBKDF2PasswordHasher.iterations`). With fewer, Django would hash
/// again at the first sign-in, and the drill would see a row change that it never wrote.
const ITERATIONS: u32 = 600_000;

/// Someone who can sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Key in `auth_user`.
    pub user_id: i64,
    /// Name to sign in with.
    pub username: String,
    /// Password to sign in with.
    pub password: String,
}

impl fmt::Debug for Account {
    /// Without the password: debug output ends in logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Account")
            .field("user_id", &self.user_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// One account of each role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// Superuser of the role `admin`.
    pub admin: Account,
    /// Of the role `teacher`; examines the first exam, and not the second.
    pub teacher: Account,
    /// Of the role `student`; has a finalised copy of the first exam.
    pub pupil: Account,
}

impl Accounts {
    pub(super) fn of(school: &School) -> Self {
        let [admin, teacher, pupil] = known_users(school).map(|user| Account {
            user_id: key(user),
            username: username(school, user),
            password: school.seed.stream("password", user).token(24),
        });
        Self { admin, teacher, pupil }
    }
}

fn known_users(school: &School) -> [u64; 3] {
    [School::ADMIN, School::teacher_user(0), school.pupil_user(0)]
}

/// The name that a user signs in with.
pub(super) fn username(school: &School, user: u64) -> String {
    let first_pupil = school.pupil_user(0);
    let role = match user {
        School::ADMIN => "admin",
        _ if user < first_pupil => "prof",
        _ => "eleve",
    };
    let suffix = school.seed.stream("username", user).below(1 << 16);
    format!("{role}{}.{suffix:04x}", key(user))
}

/// Stored password of each known account, by index of user.
pub(super) fn password_hashes(school: &School) -> Vec<(u64, String)> {
    let Accounts { admin, teacher, pupil } = Accounts::of(school);
    std::thread::scope(|scope| {
        let hashing = known_users(school)
            .into_iter()
            .zip([admin, teacher, pupil])
            .map(|(user, account)| {
                let salt = salt(school, user);
                scope.spawn(move || (user, django_hash(&account.password, &salt, ITERATIONS)))
            })
            .collect::<Vec<_>>();
        hashing.into_iter().map(|thread| thread.join().expect("hashing does not panic")).collect()
    })
}

/// Alphanumeric, and long enough that Django does not want a new one (128 bits).
fn salt(school: &School, user: u64) -> String {
    let mut stream = school.seed.stream("salt", user);
    format!("{:016x}{:016x}", stream.u64(), stream.u64())
}

/// As `django.contrib.auth.hashers.PBKDF2PasswordHasher.encode` writes it.
fn django_hash(password: &str, salt: &str, iterations: u32) -> String {
    let mut hash = [0; 32];
    let count = NonZeroU32::new(iterations).expect("at least one iteration");
    derive(PBKDF2_HMAC_SHA256, count, salt.as_bytes(), password.as_bytes(), &mut hash);
    format!("pbkdf2_sha256${iterations}${salt}${}", STANDARD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::super::scale::Scale;
    use super::*;

    /// `make_password("lètmein", "seasalt", "pbkdf2_sha256")` with 1000 iterations, Django 4.2.
    #[test]
    fn hashes_are_those_of_django() {
        assert_eq!(
            django_hash("lètmein", "seasalt", 1000),
            "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A="
        );
    }

    #[test]
    fn accounts_follow_the_seed_and_hide_their_password() {
        let accounts = Accounts::of(&School::new(Scale::SMALL, 1));
        assert_eq!(accounts, Accounts::of(&School::new(Scale::SMALL, 1)));
        let others = Accounts::of(&School::new(Scale::SMALL, 2));
        assert_ne!(accounts.teacher.password, others.teacher.password);
        assert_ne!(accounts.teacher.password, accounts.pupil.password);
        assert!(!format!("{accounts:?}").contains(&accounts.admin.password));
    }
}
