DROP FUNCTION pledge.create_many;
