"""placeholder"""

def test_it_converts(qualified):
    qualified.convert()
    assert qualified.deal.value == 50_000
