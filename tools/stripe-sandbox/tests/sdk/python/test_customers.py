def test_a_customer_is_made_changed_and_found(api):
    made = api.customers.create({"email": "ada@example.com", "metadata": {"a": "1", "b": "2"}})
    changed = api.customers.update(made.id, {"name": "Ada", "metadata": {"a": ""}})
    assert (changed.name, changed.metadata.to_dict()) == ("Ada", {"b": "2"})
    found = api.customers.list({"email": "ada@example.com"})
    assert [customer.id for customer in found.data] == [made.id]
