"""What poison costs the jobs beside it: throughput of healthy jobs on a real Celery worker, with poison and without."""
