"""What MLflow is told of a record, before MLflow is told."""

from made_up import record

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


def test_the_likelihood_and_what_a_method_settled_on_are_tags():
    facts = {"restarts": 1, "pose": {"prior": "none"}, "caveats": ["begun anew"]}
    tags = _run_content.tags(record("tvae", facts=facts, likelihood="discretised-logistic"))
    assert tags["likelihood"] == "discretised-logistic"
    assert tags["fact.restarts"] == "1"
    assert tags["fact.pose.prior"] == "none"
    assert tags["fact.caveats"] == '["begun anew"]'
