import pytest

from napari_csc.errors import CscError
from napari_csc.learn.evaluation.findings import Case, Findings


def test_what_is_known_is_not_measured_again(tmp_path):
    path = tmp_path / "findings.csv"
    case = Case("e", "c, with a comma", "m", "1", "d", "s", 3)
    assert Findings(path).of(case, lambda: {"a": 0.123456789, "b": 2}) == {"a": 0.123457, "b": 2}

    def never():
        raise AssertionError

    assert Findings(path).of(case, never) == {"a": 0.123457, "b": 2}
    other = Case("e", "c, with a comma", "m", "2", "d", "s", 3)
    again = Findings(path)
    assert again.of(other, lambda: {"a": 1.0}) == {"a": 1.0}
    assert Findings(path).of(case, never) == {"a": 0.123457, "b": 2}


@pytest.mark.parametrize("text", ["something,else\n1,2\n", "experiment,condition\n"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "findings.csv"
    path.write_text(text + "1,2\n")
    with pytest.raises(CscError, match="not written by this evaluation"):
        Findings(path)
