"""What MLflow is told of a record, before MLflow is told."""

from bench.records.record import Record
from bench.tracking import content as _run_content


def test_names_are_legal_and_stay_apart():
    names = _run_content.legal_names(["kl[0]", "kl(0)", "a//b", "../x", "β loss", "n" * 400, "n" * 401])
    assert names["kl[0]"] == "kl_0"
    assert names["kl(0)"] == "kl_0_2"
    assert (names["a//b"], names["../x"], names["β loss"]) == ("a/_/b", "_/x", "β loss")
    assert len(set(names.values())) == len(names)
    from mlflow.utils.validation import _validate_metric_name

    for name in names.values():
        assert len(name) <= 250
        _validate_metric_name(name)


def test_passwords_are_masked():
    assert _run_content.without_password("http://me:sec@ret@host:1/x") == "http://***@host:1/x"
    command = "bench run --tracking-uri http://me:secret@host:1 --suite s"
    assert _run_content.without_password(command) == "bench run --tracking-uri http://***@host:1 --suite s"
    assert _run_content.without_password("sqlite:////a/b@c.db") == "sqlite:////a/b@c.db"


def test_what_a_method_settled_on_is_a_tag():
    record = Record(
        cell="c", suite="s", label="tvae", method="tvae", dataset="digits", seed=0, options={}, budget={}, status="ok",
        facts={"restarts": 1, "pose": {"prior": "none"}, "caveats": ["begun anew"]},
    )  # fmt: skip
    tags = _run_content.tags(record)
    assert tags["fact.restarts"] == "1"
    assert tags["fact.pose.prior"] == "none"
    assert tags["fact.caveats"] == '["begun anew"]'
