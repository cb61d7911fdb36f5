from django.utils.cache import patch_cache_control


class NoStoreMiddleware:
    """The API answers with personal data: no cache may keep it, unless a view
    says otherwise."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.path_info.startswith("/api/") and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_store=True)
        return response
