-- +goose Up
-- The dispatch role owns its functions now and needs no right to create more.
REVOKE CREATE ON SCHEMA public FROM holdfast_dispatch;

-- Nobody needs temporary tables here; they could stand before ours in a search_path.
-- +goose StatementBegin
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
-- +goose StatementEnd
