"""Secrets become marks before they are written, and nothing else changes."""

import hashlib
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.core.redact import (
    StreamRedactor,
    redact_argv,
    redact_bytes,
    redact_config,
    redact_text,
    redact_url,
)
from homerun.core.secret import is_secret_name

HEX40 = "0123456789abcdef0123456789abcdef01234567"
SHAPED = [
    "sk-proj-abcdefGHIJ0123456789abcd",
    "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "gho_0123456789abcdefghijABCDEFGHIJ012345",
    "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "glpat-abcdefghijklmnopqrst",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "xoxb-123456789012-abcdefABCDEF",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
]
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nq83vEjRWeJA=\n"
    "-----END RSA PRIVATE KEY-----"
)


def mark(secret: str) -> str:
    return f"<redacted:{hashlib.sha256(secret.encode()).hexdigest()[:8]}>"


@pytest.mark.parametrize("secret", SHAPED)
def test_shapes_are_found_anywhere(secret):
    assert redact_text(secret) == mark(secret)
    assert redact_text(f"using {secret}, now") == f"using {mark(secret)}, now"
    assert redact_config({"note": [f"see {secret}"]}) == {"note": [f"see {mark(secret)}"]}
    assert redact_argv(["train.py", secret]) == ["train.py", mark(secret)]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("--hub_token abc --lr 0.1", "abc"),
        ("--hub_token=abc", "abc"),
        ("API_KEY=abc python train.py", "abc"),
        ("export WANDB_API_KEY='a b'", "a b"),
        ('{"password": "hunter \\"2\\"", "lr": 1}', 'hunter \\"2\\"'),
        ("{'apiKey': 'abc', 'epochs': 3}", "abc"),
        ("client_secret: s3cr3t", "s3cr3t"),
        ("password: 12345678", "12345678"),
        ("Your API key is: abc1", "abc1"),
        ("Authorization: Bearer abc", "abc"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("curl -H 'Authorization: Bearer abc'", None),
        ("got Bearer abcdefgh12345678.x from it", "abcdefgh12345678.x"),
        ("https://host/path?access_token=abc&x=1", "abc"),
        ("clone https://user:pa@ss@example.com/x.git", "user:pa@ss"),
        (f"https://{HEX40}@example.com/x.git", HEX40),
        (f"wandb login {HEX40}", HEX40),
        (f"machine api.wandb.ai login user password {HEX40}", HEX40),
        (f"the key of W&B: {HEX40}", HEX40),
        ("['train.py', '--hub_token', 'abc', '--lr', '0.1']", "abc"),
        ('api_key: str = "abc"', "abc"),
        ('os.environ["HF_TOKEN"] = "abc"', "abc"),
        ('HF_TOKEN := "abc"', "abc"),
        ("X-API-Key: abc", "abc"),
        ("DB_PASSWORD=correct.horse", "correct.horse"),
        ('"{\\"token\\": \\"abc\\"}"', "abc"),
    ],
)
def test_named_secrets(text, secret):
    clean = redact_text(text)
    if secret is None:
        assert "abc" not in clean
    else:
        assert clean == text.replace(secret, mark(secret))


@pytest.mark.parametrize(
    "text",
    [
        f"commit {HEX40}",
        f"key files at commit {HEX40}",
        f"HEAD is now at {HEX40} Add the tokenizer",
        f"sha256 {HEX40} of the data",
        "tokenizer=bert-base max_tokens=512 num_tokens=1024 author=me token_dim=64 token=5",
        "pad_token='[PAD]' eos_token: '</s>' tokens_per_second=1034.5",
        "epoch 3 tokens/s: 1234.5 token_acc 0.5 per-token: 0.25",
        "Next token: 'cat'",
        "Token: cat",
        "task-specific risk-averse-model-with-12-layers-and-more",
        "login(token=token, api_key=args.api_key, secret=os.environ['S'])",
        "auth = HTTPBasicAuth(user, name)",
        "API_KEY = os.environ['API_KEY']",
        "def get(path, token=None): return f'{token!r}'",
        "api_key = os.environ.get('API_KEY')",
        "password: str, token: str | None = None",
        "usage: train.py [--hub_token HUB_TOKEN]",
        "curl -H 'Authorization: Bearer $TOKEN' http://localhost:8080/a@b",
        "password: ********",
        "use_auth_token=False auth=None",
        "keyboard monkey: 3, keys = 4, cache_key = resnet50",
        "see https://docs.python.org/3/library/re.html and git@github.com:a/b.git",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ],
)
def test_harmless_text_stays(text):
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name",
    "token hub_token hubToken HF_TOKEN authToken id_token access_tokens secret client_secret "
    "password passwd db_password passphrase api_key apiKey API-KEY apikey AWS_ACCESS_KEY_ID "
    "private_key auth oauth credentials creds jwt SLURM_JWT --hub-token model.api_key".split(),
)
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    "tokenizer tokenizer_name max_tokens num_tokens tokens author authors token_dim token_type "
    "pad_token eos_token eosToken key keys sort_key keyboard bypass compass seed lr "
    "token_path password_file secret_name num_token batch_size 12 _".split(),
)
def test_harmless_names(name):
    assert not is_secret_name(name)


def test_numbers_booleans_and_none_are_no_secrets():
    config = {
        "token": 5,
        "auth": True,
        "password": None,
        "secret": 0.5,
        "api_key": "",
        "lr": "1e-3",
    }
    assert redact_config(config) == config


def test_config_is_redacted_by_key_at_every_depth():
    config = {
        "lr": 0.1,
        "hub_token": "abc",
        "credentials": {"user": "me", "parts": ["x", 3]},
        "data": [{"password": "pw"}, ("https://u:p@h/x",)],
        "tokenizer": "bert",
    }
    assert redact_config(config) == {
        "lr": 0.1,
        "hub_token": mark("abc"),
        "credentials": {"user": mark("me"), "parts": [mark("x"), 3]},
        "data": [{"password": mark("pw")}, (f"https://{mark('u:p')}@h/x",)],
        "tokenizer": "bert",
    }
    assert config["hub_token"] == "abc"


def test_argv_in_all_its_forms():
    argv = ["train.py", "--hub_token", "abc", "--api-key=a,b;c", "API_KEY=abc", "++hub.token=t"]
    argv += [
        "--use_auth",
        "--max_tokens",
        "5",
        "--token",
        "7",
        '--cfg={"secret": "s"}',
        "--lr",
        "1",
    ]
    assert redact_argv(argv) == [
        "train.py",
        "--hub_token",
        mark("abc"),
        f"--api-key={mark('a,b;c')}",
        f"API_KEY={mark('abc')}",
        f"++hub.token={mark('t')}",
        "--use_auth",
        "--max_tokens",
        "5",
        "--token",
        "7",
        f'--cfg={{"secret": "{mark("s")}"}}',
        "--lr",
        "1",
    ]


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://user:pass@github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://token@github.com/a/b.git", "https://github.com/a/b.git"),
        ("ssh://git@host:22/a/b.git", "ssh://git@host:22/a/b.git"),
        ("ssh://git:pw@host/a", "ssh://host/a"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
    ],
)
def test_urls_lose_their_credentials(url, clean):
    assert redact_url(url) == clean


@pytest.mark.parametrize("prefix", ["", "+", "    ", "> "])
def test_private_keys_of_many_lines(prefix):
    block = "\n".join(prefix + line for line in PEM.splitlines())
    clean = redact_text(f"before\n{block}\nafter\n")
    assert re.fullmatch(rf"before\n{re.escape(prefix)}<redacted:[0-9a-f]{{8}}>\nafter\n", clean)


def test_private_keys_in_one_line_and_without_an_end():
    assert redact_text(f'{{"key": "{PEM!r}"}}') == f'{{"key": "{mark_of_repr()}"}}'
    cut = "x\n-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nloss: 0.5 at step 3\n"
    assert re.fullmatch(r"x\n<redacted:\w{8}>\nloss: 0.5 at step 3\n", redact_text(cut))
    assert redact_text("expected -----BEGIN PRIVATE KEY-----, got x\nnext line\n").endswith(
        "\nnext line\n"
    )


def mark_of_repr() -> str:
    quoted = repr(PEM)
    return quoted[0] + mark(quoted[1:-1]) + quoted[-1]


def test_equal_secrets_have_equal_marks():
    one, two = redact_text("api_key=abc\nHF_TOKEN=abc").split("\n")
    assert one.split("=")[1] == two.split("=")[1]


def test_nothing_is_lost_in_bytes_that_are_no_text():
    data = bytes(range(256)) * 3 + b"\ntoken=\xff\xfe\x00x\n"
    clean = redact_bytes(data)
    assert clean.startswith(bytes(range(256)))
    assert b"\xfe\x00x" not in clean
    assert redact_text("token=\udcff1") == "token=" + redact_text("token=\udcff1")[6:]


def test_progress_flows_promptly():
    stream = StreamRedactor()
    assert stream.feed(b"loss 0.5\n") == b"loss 0.5\n"
    bar = b"\r 45%|#####     | 45/100 [00:10<00:12,  4.5it/s]"
    shown = stream.feed(bar)
    assert len(shown) > len(bar) - 20
    assert shown + stream.feed(b"\r") == bar + b"\r"
    assert stream.feed(b"Password: ") == b""
    assert stream.feed(b"x" * 300) == b""  # held until the line ends
    assert stream.feed(b"\r\n") == f"Password: {mark('x' * 300)}\r\n".encode()


def test_memory_is_bounded_without_line_ends():
    stream = StreamRedactor()
    written = 0
    for _ in range(400):
        written += len(stream.feed(b"api_key: word " * 100))
    assert written > 400 * 1400 - 40_000
    assert len(stream.flush()) < 40_000
    stream = StreamRedactor()
    assert len(stream.feed(b"A" * 1_000_000)) > 999_000


def test_a_secret_in_a_very_long_line_is_found():
    filler = "value 0.123 of the token stream, " * 3
    for count in (150, 164, 165, 166, 167, 330, 500):
        line = filler * count + f"api_key={SHAPED[0]}; " + filler * count
        assert SHAPED[0] not in redact_text(line)
        assert mark(SHAPED[0]) in redact_text(line)


# -- laws --------------------------------------------------------------------------------------

FRAGMENTS = [
    *SHAPED,
    *PEM.split("\n"),
    HEX40,
    *("token=abc api_key: 'x y' --hub_token abc max_tokens=5 https://u:p@h/ ://a:b@c").split(" "),
    *[
        "key",
        "Authorization: Bearer ",
        "password",
        "=",
        ": ",
        '"',
        "'",
        "\\",
        "<redacted:01234567>",
    ],
    *[" ", "\n", "\r", "\r\n", ".", "-", "_", "x", "é", "█", "0", "wandb login ", "commit "],
]
messy = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=14).map("".join)
calm = st.lists(
    st.sampled_from("epoch step loss 0.5 12 lr | [00:12<00:01] █ tokens/s \n \r".split(" ")),
    max_size=30,
).map(" ".join)


@settings(max_examples=400, deadline=None)
@given(messy)
def test_redacting_twice_is_redacting_once(text):
    once = redact_text(text)
    assert redact_text(once) == once


@settings(max_examples=200, deadline=None)
@given(calm)
def test_text_without_secrets_is_unchanged(text):
    assert redact_text(text) == text


@settings(max_examples=400, deadline=None)
@given(messy, st.lists(st.integers(min_value=1, max_value=40), max_size=20))
def test_any_cutting_of_a_stream_gives_the_same_bytes(text, sizes):
    data = text.encode("utf-8", "surrogatepass")
    stream = StreamRedactor()
    parts, rest = [], data
    for size in sizes:
        parts.append(stream.feed(rest[:size]))
        rest = rest[size:]
    parts += [stream.feed(rest), stream.flush()]
    assert b"".join(parts) == redact_bytes(data)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(messy, st.integers(min_value=1, max_value=9000)), min_size=1, max_size=4),
    st.integers(min_value=1, max_value=7000),
)
def test_long_lines_are_cut_by_their_content_alone(parts, size):
    text = "".join(piece * (1 + count // (len(piece) + 1)) for piece, count in parts)
    data = text.encode("utf-8", "surrogatepass")
    stream = StreamRedactor()
    chunks = [stream.feed(data[i : i + size]) for i in range(0, len(data), size)]
    assert b"".join([*chunks, stream.flush()]) == redact_bytes(data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SHAPED), messy.filter(lambda text: not any(s in text for s in SHAPED)))
def test_no_shaped_secret_survives(secret, before):
    assert secret not in redact_text(f"{before} {secret} ")


def test_loading_the_module_is_cheap():
    code = "import sys, homerun.core.redact; print('homerun.core.redact_line' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
