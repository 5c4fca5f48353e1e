"""What the story leaves unsaid, by who would say it: requests without a pact, and so their answers."""

from collections.abc import Collection, Mapping

from contracts import identity, payments, risk, wallet
from contracts.message import Message

_ENDING = (identity.EndSession, identity.EndSessions, identity.EraseUser, identity.Refresh, identity.RevokeToken)
_SECOND_FACTORS = (
    identity.AddPasskey,
    identity.ChallengePasskey,
    identity.ConfirmTotp,
    identity.LoginWithPasskey,
    identity.RemovePasskey,
    identity.RemoveTotp,
    identity.RenewRecoveryCodes,
    identity.ResetPassword,
)
_CONSENT = (identity.AnswerConsent, identity.CheckAuthorization, identity.RedeemCode, identity.SignIn)
_PROCESSORS = (
    payments.AcceptWebhook,
    payments.GetProcessorOperation,
    payments.RetryWebhook,
    payments.SettleOperation,
)
_CHANGES_OF_RULES = (
    risk.ActivateRuleSet,
    risk.ApproveModel,
    risk.ApproveRuleSet,
    risk.CancelBacktest,
    risk.DraftRuleSet,
    risk.GetBacktest,
    risk.GetModel,
    risk.GetRuleSet,
    risk.ListBacktestFlips,
    risk.ListShadowFlips,
    risk.RegisterModel,
    risk.RetireRuleSet,
    risk.RollBackRules,
    risk.ShadowRuleSet,
    risk.StartBacktest,
)
_SCREENING = (risk.DecideScreening, risk.GetScreening)
_BANKS = (
    wallet.ClosePeriod,
    wallet.GetReconciliation,
    wallet.ImportLines,
    wallet.ListBreaks,
    wallet.ListReconciliations,
    wallet.MatchLines,
    wallet.ResolveBreak,
    wallet.StartReconciliation,
)

UNSAID: Mapping[str, Collection[type[Message]]] = {
    "gateway": {
        *_ENDING,
        *_SECOND_FACTORS,
        *_CONSENT,
        identity.RotateSigningKey,
        *_PROCESSORS,
        *_CHANGES_OF_RULES,
        *_SCREENING,
        *_BANKS,
    },
}
