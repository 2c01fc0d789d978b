"""Django with its own cache framework on Redis, GZipMiddleware, its ORM and persistent connections."""

import os
from urllib.parse import urlsplit

import django
from django.conf import settings

database = urlsplit(os.environ["BENCH_DATABASE_URL"])
settings.configure(
    SECRET_KEY="benchmark",  # noqa: S106
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", "django.middleware.common.CommonMiddleware"],
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["BENCH_CACHE_URL"],
        }
    },
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database.path.lstrip("/"),
            "USER": database.username,
            "PASSWORD": database.password,
            "HOST": database.hostname,
            "PORT": database.port,
            "CONN_MAX_AGE": 1800,
        }
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.shortcuts import get_object_or_404  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402


class Item(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField()
    email = models.TextField()
    price = models.IntegerField()

    class Meta:
        app_label = "benchmarks"
        db_table = "items"
        managed = False


FIELDS = ("id", "name", "email", "price")


@cache_page(300)
def report(request):
    return JsonResponse(list(Item.objects.order_by("id").values(*FIELDS)[:100]), safe=False)


def item(request, number):
    found = get_object_or_404(Item.objects.values(*FIELDS), id=number)
    return JsonResponse(found)


urlpatterns = [path("report", report), path("items/<int:number>", item)]
app = get_wsgi_application()
