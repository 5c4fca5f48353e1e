"""Sessions and their refresh tokens, second factors, OAuth clients, API keys, signing keys, and the security log."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROLES = "'customer', 'merchant', 'analyst', 'operator', 'admin'"
_SCOPES = "text[] NOT NULL"

_STATEMENTS = (
    # What is personal is sealed under `personal_key`, which is sealed itself: who is erased loses the key.
    "ALTER TABLE user_account DROP CONSTRAINT user_account_role",
    f"""
    ALTER TABLE user_account
        ALTER COLUMN email DROP NOT NULL,
        ALTER COLUMN password_hash DROP NOT NULL,
        ADD COLUMN status text NOT NULL DEFAULT 'active',
        ADD COLUMN version bigint NOT NULL DEFAULT 1,
        ADD COLUMN email_verified_at timestamptz,
        ADD COLUMN personal_key bytea,
        ADD CONSTRAINT user_account_role CHECK (role IN ({_ROLES})),
        ADD CONSTRAINT user_account_status CHECK (status IN ('active', 'deactivated', 'erased')),
        ADD CONSTRAINT user_account_version CHECK (version > 0),
        ADD CONSTRAINT user_account_erased CHECK (
            (status = 'erased') = (email IS NULL)
            AND (status <> 'erased' OR (password_hash IS NULL AND personal_key IS NULL AND email_verified_at IS NULL)))
    """,
    """
    GRANT UPDATE (email, password_hash, role, status, version, email_verified_at, personal_key)
        ON user_account TO identity
    """,
    "CREATE INDEX user_account_of_role ON user_account (role, id)",
    """
    CREATE TABLE one_time_token (
        token_hash bytea PRIMARY KEY,
        purpose text NOT NULL,
        user_id uuid NOT NULL REFERENCES user_account,
        expires_at timestamptz NOT NULL,
        used_at timestamptz,
        CONSTRAINT one_time_token_purpose CHECK (purpose IN ('verify_email', 'reset_password'))
    )
    """,
    "CREATE INDEX one_time_token_of_user ON one_time_token (user_id)",
    "CREATE INDEX one_time_token_by_expiry ON one_time_token (expires_at)",
    # `user_id` is null while it is not known whether the address has an account: looking is the sender's work.
    """
    CREATE TABLE outgoing_message (
        id uuid PRIMARY KEY,
        purpose text NOT NULL,
        user_id uuid REFERENCES user_account,
        sealed bytea NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_at timestamptz,
        sent_at timestamptz,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX outgoing_message_due ON outgoing_message (next_at) WHERE next_at IS NOT NULL",
    "CREATE INDEX outgoing_message_of_user ON outgoing_message (user_id)",
    "CREATE INDEX outgoing_message_by_age ON outgoing_message (created_at)",
    """
    CREATE TABLE totp (
        user_id uuid PRIMARY KEY REFERENCES user_account,
        sealed_secret bytea NOT NULL,
        confirmed_at timestamptz,
        last_step bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE recovery_code (
        user_id uuid NOT NULL REFERENCES user_account,
        code_hash bytea NOT NULL,
        used_at timestamptz,
        PRIMARY KEY (user_id, code_hash)
    )
    """,
    """
    CREATE TABLE passkey (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES user_account,
        credential_id bytea NOT NULL UNIQUE,
        public_key bytea NOT NULL,
        sign_count bigint NOT NULL,
        name text NOT NULL,
        created_at timestamptz NOT NULL,
        last_used_at timestamptz
    )
    """,
    "CREATE INDEX passkey_of_user ON passkey (user_id)",
    # Challenges derive from their ids: only those that were answered are kept, so that none is answered twice.
    """
    CREATE TABLE answered_challenge (
        id uuid PRIMARY KEY,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX answered_challenge_by_expiry ON answered_challenge (expires_at)",
    f"""
    CREATE TABLE oauth_client (
        id uuid PRIMARY KEY,
        owner uuid NOT NULL REFERENCES user_account,
        name text NOT NULL,
        secret_hash bytea,
        redirect_uris text[] NOT NULL,
        grant_types text[] NOT NULL,
        scopes {_SCOPES},
        created_at timestamptz NOT NULL,
        deleted_at timestamptz
    )
    """,
    "CREATE INDEX oauth_client_of_owner ON oauth_client (owner)",
    # `generation` counts the refresh tokens; `replaced` are the times at which the last ones were, newest last.
    # Each refresh updates its row, but no column that is in an index, and the page has room: no index grows by it.
    f"""
    CREATE TABLE user_session (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES user_account,
        client_id text NOT NULL,
        scopes {_SCOPES},
        jkt text,
        salt bytea NOT NULL,
        generation bigint NOT NULL,
        replaced timestamptz[] NOT NULL DEFAULT '{{}}',
        acr text NOT NULL,
        amr text[] NOT NULL,
        authenticated_at timestamptz NOT NULL,
        sealed_origin bytea,
        created_at timestamptz NOT NULL,
        last_used_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        end_reason text,
        CONSTRAINT user_session_generation CHECK (generation > 0),
        CONSTRAINT user_session_ended CHECK ((ended_at IS NULL) = (end_reason IS NULL))
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX user_session_of_user ON user_session (user_id) WHERE ended_at IS NULL",
    "CREATE INDEX user_session_of_client ON user_session (client_id) WHERE ended_at IS NULL",
    "CREATE INDEX user_session_by_expiry ON user_session (expires_at)",
    # One row from signing in to the code's end: the ticket stands for the user on the consent page, then the code.
    f"""
    CREATE TABLE authorization_grant (
        id uuid PRIMARY KEY,
        ticket_hash bytea NOT NULL UNIQUE,
        code_hash bytea UNIQUE,
        user_id uuid NOT NULL REFERENCES user_account,
        version bigint NOT NULL,
        client_id uuid NOT NULL REFERENCES oauth_client,
        redirect_uri text NOT NULL,
        state text NOT NULL,
        scopes {_SCOPES},
        code_challenge text NOT NULL,
        acr text NOT NULL,
        amr text[] NOT NULL,
        authenticated_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        answered_at timestamptz,
        redeemed_at timestamptz,
        session_id uuid REFERENCES user_session
    )
    """,
    "CREATE INDEX authorization_grant_of_user ON authorization_grant (user_id)",
    "CREATE INDEX authorization_grant_of_client ON authorization_grant (client_id)",
    "CREATE INDEX authorization_grant_of_session ON authorization_grant (session_id)",
    "CREATE INDEX authorization_grant_by_expiry ON authorization_grant (expires_at)",
    f"""
    CREATE TABLE api_key (
        id uuid PRIMARY KEY,
        owner uuid NOT NULL REFERENCES user_account,
        name text NOT NULL,
        prefix text NOT NULL,
        secret_hash bytea NOT NULL UNIQUE,
        scopes {_SCOPES},
        created_at timestamptz NOT NULL,
        expires_at timestamptz
    )
    """,
    "CREATE INDEX api_key_of_owner ON api_key (owner)",
    """
    CREATE TABLE signing_key (
        kid text PRIMARY KEY,
        public_jwk json NOT NULL,
        sealed_private bytea NOT NULL,
        created_at timestamptz NOT NULL,
        signs_from timestamptz NOT NULL UNIQUE
    )
    """,
    # What gateways must know until the last access token of then has expired.
    """
    CREATE TABLE revocation (
        id uuid PRIMARY KEY,
        grant_id uuid,
        user_id uuid,
        version bigint,
        revoked_at timestamptz NOT NULL,
        CONSTRAINT revocation_of_something CHECK (
            (grant_id IS NOT NULL) <> (user_id IS NOT NULL AND version IS NOT NULL))
    )
    """,
    "CREATE INDEX revocation_by_time ON revocation (revoked_at, id)",
    # Failed guesses by account and address, by address, by device: hashes, so that it is no list of addresses.
    """
    CREATE UNLOGGED TABLE failed_attempts (
        key bytea PRIMARY KEY,
        failures integer NOT NULL,
        last_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX failed_attempts_by_age ON failed_attempts (last_at)",
    """
    CREATE TABLE security_event (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        at timestamptz NOT NULL,
        user_id uuid,
        actor uuid,
        about text,
        sealed_origin bytea
    )
    """,
    "CREATE INDEX security_event_of_user ON security_event (user_id, id)",
    "CREATE INDEX security_event_of_kind ON security_event (kind, id)",
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    BEGIN
        RAISE EXCEPTION 'the security log is append-only' USING ERRCODE = 'insufficient_privilege';
    END
    $$
    """,
    """
    CREATE TRIGGER security_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON security_event
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "GRANT SELECT, INSERT ON security_event TO identity",
    "GRANT SELECT, INSERT, DELETE ON revocation, answered_challenge, signing_key TO identity",
    "GRANT SELECT, INSERT, UPDATE (failures, last_at), DELETE ON failed_attempts TO identity",
    """
    GRANT SELECT, INSERT, UPDATE (user_id, sealed, attempts, next_at, sent_at), DELETE ON outgoing_message TO identity
    """,
    "GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON one_time_token TO identity",
    "GRANT SELECT, INSERT, UPDATE (sealed_secret, created_at, confirmed_at, last_step), DELETE ON totp TO identity",
    "GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON recovery_code TO identity",
    "GRANT SELECT, INSERT, UPDATE (sign_count, last_used_at), DELETE ON passkey TO identity",
    """
    GRANT SELECT, INSERT, DELETE, UPDATE (generation, replaced, acr, amr, authenticated_at, last_used_at, expires_at,
                                          ended_at, end_reason)
        ON user_session TO identity
    """,
    """
    GRANT SELECT, INSERT, UPDATE (answered_at, code_hash, expires_at, redeemed_at, session_id), DELETE
        ON authorization_grant TO identity
    """,
    "GRANT SELECT, INSERT, UPDATE (secret_hash, deleted_at) ON oauth_client TO identity",
    "GRANT SELECT, INSERT, UPDATE (expires_at), DELETE ON api_key TO identity",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
