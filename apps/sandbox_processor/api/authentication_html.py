"""The authentication page's HTML."""

from base64 import b64encode
from hashlib import sha256
from html import escape

from apps.sandbox_processor.domain.amounts import told
from apps.sandbox_processor.domain.operation import Operation
from apps.sandbox_processor.domain.words import Status

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1.125rem/1.5 system-ui, sans-serif; margin: 0; padding: 2rem 1rem; }
main { max-width: 32rem; margin: 0 auto; }
.amount { font-size: 2rem; font-weight: 700; margin: 0; }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1.25rem; margin: .5rem .5rem .5rem 0; }
:focus-visible { outline: 3px solid; outline-offset: 3px; }
"""
STYLE_HASH = f"sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}"

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Sandbox Bank</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_QUESTION = """\
<p>{descriptor} asks for</p>
<p class="amount">{amount}</p>
<p>This is a test: no money moves. Choose how the authentication ends.</p>
<form method="post">
<button type="submit" name="result" value="approve">Approve the payment</button>
<button type="submit" name="result" value="fail">Fail the authentication</button>
</form>"""
_ANSWERED = '<p role="status">{sentence}</p>'
_BACK = '<p><a href="{url}">Go back to the shop</a></p>'


def question_page(operation: Operation) -> str:
    """Return the page that asks."""
    descriptor = operation.statement_descriptor or "The merchant"
    amount = told(operation.amount, operation.currency)
    return _page("Confirm your payment", _QUESTION.format(descriptor=escape(descriptor), amount=escape(amount)))


def answered_page(operation: Operation) -> str:
    """Return the page that says how it ended."""
    approved = operation.status is Status.APPROVED
    sentence = "The payment is approved." if approved else "The payment is not approved."
    back = _BACK.format(url=escape(operation.return_url)) if operation.return_url else ""
    return _page("Payment approved" if approved else "Payment not approved", _ANSWERED.format(sentence=sentence) + back)


def missing_page() -> str:
    """Return the page for a payment that does not exist."""
    return _page("Payment not found", _ANSWERED.format(sentence="No payment has this address."))


def _page(title: str, content: str) -> str:
    return _PAGE.format(title=title, style=_STYLE, content=content)
