"""Random texts, digests and the key ring."""

import multiprocessing

import pytest

from flask_hanko_identity.crypto import DecryptionFailed
from flask_hanko_identity.crypto import KeyRing
from flask_hanko_identity.crypto import digest
from flask_hanko_identity.crypto import random_text
from flask_hanko_identity.crypto import same

OLD = "an old key of sufficient length 123"
NEW = "a new key of sufficient length 4567"


def test_random_texts_are_letters_and_digits_of_one_length():
    texts = {random_text() for _ in range(1000)}

    assert len(texts) == 1000
    assert {len(text) for text in texts} == {43}
    assert all(text.isascii() and text.isalnum() for text in texts)


@pytest.mark.parametrize(("bits", "letters"), [(128, 22), (256, 43), (64, 11)])
def test_random_texts_have_room_for_their_bits(bits, letters):
    assert len(random_text(bits)) == letters
    assert 62**letters >= 2**bits


def _draw(queue):
    queue.put(random_text())


def test_forked_processes_draw_different_texts():
    processes = multiprocessing.get_context("fork")
    queue = processes.Queue()
    children = [processes.Process(target=_draw, args=(queue,)) for _ in range(4)]
    for child in children:
        child.start()
    drawn = {queue.get(timeout=10) for _ in children}
    for child in children:
        child.join()

    assert len(drawn | {random_text()}) == 5


def test_digests_are_sha256():
    assert digest("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "é" * 10_000])
def test_any_text_has_a_digest(text):
    assert len(digest(text)) == 32


def test_comparison_tells_apart():
    assert same(b"a", b"a")
    assert not same(b"a", b"ab")


def test_what_is_sealed_can_be_opened_and_does_not_show():
    ring = KeyRing([NEW])

    sealed = ring.encrypt(b"a private key")

    assert b"a private key" not in sealed
    assert ring.encrypt(b"a private key") != sealed
    assert ring.decrypt(sealed) == b"a private key"


def test_older_keys_of_the_ring_still_open():
    sealed = KeyRing([OLD]).encrypt(b"content")

    assert KeyRing([NEW, OLD]).decrypt(sealed) == b"content"


def test_resealing_lets_the_old_key_go():
    sealed = KeyRing([OLD]).encrypt(b"content")

    resealed = KeyRing([NEW, OLD]).reseal(sealed)

    assert KeyRing([NEW]).decrypt(resealed) == b"content"
    with pytest.raises(DecryptionFailed):
        KeyRing([OLD]).decrypt(resealed)


@pytest.mark.parametrize("wrong", [b"", b"rubbish", b"\xff\x00", b"gAAAAA=="])
def test_rubbish_is_refused(wrong):
    ring = KeyRing([NEW])

    for attempt in (ring.decrypt, ring.reseal):
        with pytest.raises(DecryptionFailed):
            attempt(wrong)


def test_a_changed_byte_is_noticed():
    sealed = bytearray(KeyRing([NEW]).encrypt(b"content"))
    sealed[20] ^= 1

    with pytest.raises(DecryptionFailed):
        KeyRing([NEW]).decrypt(bytes(sealed))


def test_keyed_digests_survive_the_rotation_of_the_ring():
    token = KeyRing([OLD]).mac("csrf", "browser")

    assert len(token) == 43
    assert KeyRing([NEW, OLD]).verify_mac(token, "csrf", "browser")
    assert not KeyRing([NEW]).verify_mac(token, "csrf", "browser")


@pytest.mark.parametrize("parts", [("csrf", "other"), ("csrfbrowser",), ("csrf", "b", "r"), ("csrf",)])
def test_keyed_digests_tell_their_parts_apart(parts):
    ring = KeyRing([NEW])

    assert not ring.verify_mac(ring.mac("csrf", "browser"), *parts)


@pytest.mark.parametrize("candidate", ["", "x", "\ud800", "ü" * 43])
def test_no_odd_candidate_is_taken_for_a_keyed_digest(candidate):
    assert not KeyRing([NEW]).verify_mac(candidate, "csrf", "browser")


def test_derived_texts_are_the_same_for_a_key_and_different_for_its_purpose():
    old, new = KeyRing([OLD]).derive_text("a", "b"), KeyRing([NEW, OLD]).derive_text("a", "b")

    assert new[1] == old[0] != new[0]
    assert KeyRing([OLD]).derive_text("ab") != old
    assert len(old[0]) == 43


def test_a_ring_needs_a_key():
    with pytest.raises(ValueError, match="needs a key"):
        KeyRing([])
