"""botocore's models of AWS's services, read once per process: moto reads the same."""

from __future__ import annotations

import functools

import botocore.session
from moto.core.model import ServiceModel
from moto.core.utils import get_service_model


def service_model(service: str) -> ServiceModel:
    """The model of a service by boto3's name for it; botocore's UnknownServiceError when there is none."""
    return get_service_model(service)


@functools.cache
def service_of(signed_as: str) -> str:
    """boto3's name of the service behind the name in a signature: mostly the same."""
    services = botocore.session.get_session().get_available_services()
    if signed_as in services:
        return signed_as
    return next((name for name in services if service_model(name).signing_name == signed_as), signed_as)
