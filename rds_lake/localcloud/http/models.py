"""botocore's models of AWS's services, read once per process for the local cloud and moto."""

from __future__ import annotations

import functools

import botocore.session
from moto.core.model import ServiceModel
from moto.core.utils import get_service_model


def service_model(service: str) -> ServiceModel:
    """Returns the model of a service by boto3's name. botocore's UnknownServiceError if it does not exist."""
    return get_service_model(service)


@functools.cache
def service_of(signed_as: str) -> str:
    """Returns boto3's name of the service for the name in a signature; they are mostly the same."""
    services = botocore.session.get_session().get_available_services()
    if signed_as in services:
        return signed_as
    return next((name for name in services if service_model(name).signing_name == signed_as), signed_as)
