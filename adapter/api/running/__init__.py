"""The process: listening, workers, health, metrics, logs, the API's page."""
