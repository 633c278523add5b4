"""What sales serves under ``/~{slug}/`` beside its nouns."""

from django.urls import path

from crm.runs_api import BacktestView, FailuresAgainView, FailuresView, RunsView, RunView

urlpatterns = [
    path("rules/<id>/backtest", BacktestView.as_view(), name="rule-backtest"),
    path("rules/<id>/failures", FailuresView.as_view(), name="rule-failures"),
    path("rules/<id>/failures/retry", FailuresAgainView.as_view(), name="rule-failures-retry"),
    path("rules/<id>/runs", RunsView.as_view(), name="rule-runs"),
    path("rules/<id>/runs/<run>/stop", RunView.as_view(what="stop"), name="rule-run-stop"),
    path("rules/<id>/runs/<run>/retry", RunView.as_view(what="retry"), name="rule-run-retry"),
]
