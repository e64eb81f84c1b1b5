package redact

// spoken are the words that digits are spoken with: those of a line count from from, by step.
var spoken = [tongues][]struct {
	kind       numeralKind
	from, step int
	words      string
}{
	english: {
		{unit, 0, 1, "zero one two three four five six seven eight nine"},
		{unit, 0, 1, "naught"}, {unit, 0, 1, "nought"}, {unit, 9, 1, "niner"}, {unit, 5, 1, "fife"},
		{oh, 0, 1, "oh"}, {oh, 0, 1, "o"},
		{teen, 10, 1, "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"},
		{tens, 20, 10, "twenty thirty forty fifty sixty seventy eighty ninety"}, {tens, 40, 10, "fourty"},
		{hundred, 100, 1, "hundred"}, {thousand, 1000, 1, "thousand"},
		{times, 2, 1, "double triple quadruple"},
		{ordinal, 1, 1, "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"},
		{ordinal, 30, 1, "thirtieth"},
	},
	spanish: {
		{unit, 0, 1, "cero uno dos tres cuatro cinco seis siete ocho nueve"}, {unit, 1, 1, "un"},
		{teen, 10, 1, "diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete veintiocho veintinueve"},
		{tens, 30, 10, "treinta cuarenta cincuenta sesenta setenta ochenta noventa"},
		{hundreds, 100, 100, "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"},
		{hundreds, 100, 1, "cien"}, {thousand, 1000, 1, "mil"},
		{times, 2, 1, "doble triple cuadruple"},
		{ordinal, 1, 1, "primero"}, {ordinal, 1, 1, "primer"},
	},
}

// marked says what words mean to their neighbours. A phrase is joined by _.
var marked = []struct {
	mark  mark
	words string
}{
	{mPhone, `phone phones telephone tel telf tlf telephon phoned fono cell cellphone cel celular mobile movil movile
		fax facsimile whatsapp wa sms text texts texted texting txt call calls called calling callback dial dialed ring reach reached
		reachable contact contacts landline handset voicemail pager hotline helpline telefono telefonos telefónica
		llame llama llamar llamarme llamame llamarnos llamenos llamada llamadas llamo_al marque marcar comunicarse comuniquese
		contactar contacte contactarme contacto localizar localizarme fijo answering registered_at registered
		toll_free numero_de_contacto caller_id phone_number phone_no telephone_number cell_number mobile_number fax_number contact_number
		home_number work_number office_number callback_number call_back_number best_number good_number new_number other_number
		numero_de_telefono numero_de_celular numero_de_movil numero_de_casa whats_app ph telefone fone`},
	{mPhoneTail, `office fax mobile cell cellphone desk home work phone tel mobil movil celular casa trabajo oficina landline direct main`},
	{mNumber, `number numbers number's num no nr nbr numero numeros nro n digits`},
	{mMine, `my your his her our their best mi su tu mis sus tus nuestro nuestra preferred prefered good new other alternate contact callback`},
	{mSSN, `ssn ssns social_security social_security_number social_security_no social_security_num social_number social soc_sec
		seguro_social numero_de_seguro_social seguridad_social nss s_s_n itin`},
	{mCard, `card cards visa mastercard amex american_express discover maestro credit_card debit_card credit_card_number card_number card_no payment_method
		tarjeta tarjetas tarjeta_de_credito numero_de_tarjeta numero_de_la_tarjeta cc pan diners jcb credito`},
	{mBirth, `dob birthdate date_of_birth dates_of_birth birth_date day_of_birth fecha_de_nacimiento nacimiento f_nac d_o_b`},
	{mBorn, `born born_on born_in nacido nacida naci nacio nac`},
	{mBirthday, `birthday birthdays cumpleanos bday b_day`},
	{mMRN, `mrn mrns med_rec med_rec_no medical_rec medical_record medical_record_number medical_record_no medical_records_number record_number chart_number chart_no chart patient_id patient_number patient_no
		patient_record historia_clinica numero_de_historia numero_de_historia_clinica expediente_medico expediente_clinico numero_de_expediente numero_de_paciente nhc m_r_n hospital_number`},
	{mNPI, `npi national_provider_identifier provider_identifier provider_number n_p_i npi_number`},
	{mDEA, `dea dea_number dea_registration d_e_a dea_no`},
	{mMBI, `mbi medicare medicare_number medicare_id medicare_beneficiary medicare_card beneficiary_identifier m_b_i mbi_number`},
	{mIP, `ip ipv ip_address ips ip_addresses`},
	{mEmail, `send_it_to write_to write_me_at mandalo_a envialo_a email e_mail emails e_mails mail correo correo_electronico email_address mailbox inbox gmail`},
	{mLabel, `order orders invoice invoices ref reference references case cases ticket tickets tracking account accounts acct routing aba iban id ids identifier
		serial model part sku zip zipcode postal postcode policy claim claims confirmation reservation flight room suite unit apartment apt box po_box locker gate
		build pid port error code codes otp pin license licence passport vin isbn issn upc ean batch lot page chapter verse psalm hymn section
		article item product catalog cat invoice_number order_number po purchase job work_order rma return receipt transaction txn payment_id
		vendor customer_id customer_number client_id member member_id membership group grp employee badge student case_number matter docket
		docket_number wo ro repair_order stock stk stock_no job_no plate tag vehicle registration_number unit_number bus train route highway hwy interstate exit mile bill check cheque
		tax_id ein tin vat duns cas npa_id epoch timestamp unix hash commit merge revision rev issue bug pr pull_request task tasks
		booking booking_id booking_number appointment_id appointment_number request request_id session session_id call_id message_id user_id
		pedido pedidos orden factura facturas referencia caso folio ticket_numero guia rastreo seguimiento cuenta cuentas codigo codigos
		confirmacion reserva reservacion vuelo habitacion cuarto sala pagina capitulo articulo producto lote serie placa matricula poliza
		reclamo expediente clave nip contrasena password postal codigo_postal rfc curp dni nie cedula pasaporte licencia patente
		part_number part_no serial_number model_number zip_code sort_code swift bic node channel extension_code quote quote_number estimate
		coordinates latitude longitude lat lon lng gps location_id store asin imei imsi iccid mac uuid guid key token nonce
		score scores shipment shipments cost costs price prices s_n sn barcode permit row rows offset length bytes population votes attendance revenue sales views followers downloads steps points miles_driven mileage odometer`},
	{mVersion, `part parts filter model section chapter figure step rule article clause paragraph page verse item seccion figura paso regla clausula parrafo version versions ver v release firmware driver kernel software update patch build tag semver`},
	{mMonth, `january february march april may june july august september october november december
		jan feb mar apr jun jul aug sep sept oct nov dec
		enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre ene abr ago dic`},
	{mDay, `monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun
		lunes martes miercoles jueves viernes sabado domingo today tomorrow yesterday hoy manana ayer`},
	{mUnit, `am pm a.m p.m oclock o'clock hour hours hr hrs minute minutes min mins second seconds sec secs day days week weeks month months year years yr yrs
		percent pct degrees degree fahrenheit celsius mile miles km kms kilometer kilometers kilometre meter meters metre metres cm mm
		millimeter millimeters centimeter centimeters foot feet ft inch inches yard yards acre acres square gallon gallons liter liters litre litres
		ml mg mcg g gram grams kg kilo kilos kilogram kilograms pound pounds lb lbs ounce ounces oz ton tons tablets tablet pills pill capsules units
		bpm mmhg mhz ghz hz kb mb gb tb mbps watts watt volts amps psi rpm mph kph hp cc calories cal people patients users customers times
		hora horas minuto minutos segundo segundos dia dias semana semanas mes meses ano anos por_ciento porciento grados kilometros metros
		centimetros litros gramos kilogramos libras millas pies pulgadas personas veces pastillas unidades points puntos goals hectares micrometers
		million millions billion billions trillion millon millones mil_millones dozen percentage ns us ms millisecond milliseconds nanoseconds`},
	{mMoney, `dollar dollars buck bucks cent cents usd euro euros eur peso pesos mxn gbp quid pence yen jpy yuan cny rupees inr cad aud dolar dolares centavo
		centavos francs marks sterling grand`},
	{mIs, `is it's its it was are be es era son sera the el la lo a that's that this here here's at on to de del al para por as in of for with an ending`},
	{mFiller, `uh um uhm er erm ah eh hmm mmm hm este pues like so then and y and_then luego and_uh okay_so let's let_me_see you_know a_ver digamos`},
	{mNod, `okay ok yes yeah yep yup right sure mhm mm got_it go_ahead uh_huh uhuh mm_hm alright correct perfect great si vale aja claro bien bueno
		perfecto correcto entiendo adelante digame dime continue good thanks gracias thank_you understood`},
	{mMend, `wait sorry actually no perdon digo espera correction oops scratch_that i_mean disculpe mejor_dicho rather make_that`},
	{mDash, `dash hyphen minus guion raya`},
	{mDot, `dot point period punto`},
	{mAt, `at arroba`},
	{mUnder, `underscore guion_bajo subrayado underline`},
	{mPlus, `plus mas`},
	{mSpeaker, `caller agent customer patient user assistant speaker operator bot receptionist client guest host representative rep clerk staff desk ai
		cliente agente paciente usuario asistente operador operadora recepcionista llamante hablante persona a b q c`},
	{mExt, `ext extn extension extensions x xt extensión anexo interno int`},
	{mArea, `area_code area prefix lada prefijo codigo_de_area`},
	{mLast, `last_four last_4 last_four_digits last_4_digits ending_in ends_in ending_with ends_with termina_en terminan_en ultimos_cuatro ultimos_4 ultimos_cuatro_digitos ultimos_4_digitos last_four_of`},
	{mStreet, `street st avenue ave av boulevard blvd road rd lane ln drive dr court ct circle cir place pl terrace ter way parkway pkwy highway hwy
		square sq trail trl crescent close row alley loop plaza pike turnpike broadway calle avenida avda carretera camino paseo strasse straße rue via`},
	{mUnitNo, `apt apartment suite ste unit floor fl bldg building room rm piso depto departamento apartamento interior int`},
	{mMister, `mr mrs ms miss mister missus sr sra srta senor senora senorita don dona`},
	{mNamed, `this_is my_name_is name_is my_name's me_llamo mi_nombre_es se_llama her_name_is his_name_is patient_name patient_name_is first_name last_name first_name_is last_name_is
		full_name surname apellido nombre nombre_completo name soy i_am_called caller_name customer_name`},
	{mHost, `gmail g_mail hotmail yahoo outlook icloud aol msn m_s_n protonmail proton live comcast verizon att ymail gmx mac`},
	{mTop, `com org net edu gov io co us info biz es mx uk ca ar cl pe de fr dev app health clinic dental`},
	{mAge, `age aged turned edad cumplio turning`},
	{mOld, `old years_old year_old y_o yo yrs_old anos_de_edad years_of_age`},
	{mState, `alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois indiana iowa kansas kentucky louisiana
		maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont
		virginia wisconsin wyoming al ak az ar ca co ct fl ga hi id il ia ks ky la ma md mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc`},
	{mCommon, `the a an and or but not no yes to of in on at by for from with is are was were be been am i you he she it we they me him her us them my your
		his our their this that these those here there what when where which who how why will would can could should may might must do does did
		have has had get got go going come coming see look find meet call calling called email mail send sent reach contact visit visiting shop order ordered buy
		online website web site page up down out over about after before then than so if as just only also too very really please thanks thank ok okay
		available open closed busy late early ready sure sorry speaking spelled spelt written listed wrong correct same different new old good best
		mi tu su el la los las un una unos unas y o de del en con por para que es son fue ser estoy soy como cuando donde quien si ya muy mas menos
		aqui alli hoy manana llamo llama correo gracias bien calling looking trying having running here's address called still already back
		located based arrive arrives noon midnight morning afternoon evening night work home lunch dinner check book booked pay paid take taken
		list file form mucho dificil facil raro comun hard easy long unusual common details menu specials cheap cheaper cheapest sold sale free posted shown found hosted better works work worked lives live living stays stayed shops buys orders eats sleeps lives account order system record card phone number`},
	{mProv, `will may mark grant rose june april august hope grace faith joy dawn summer autumn pat bill sue rob art dean chase hunter mason bishop king
		young long short brown green white black gray rich frank jack drew ray gene guy sky star pearl ruby amber iris lily daisy violet ivy olive
		heather ginger sandy dusty rusty rocky penny cash max miles major price love day month wood stone field hill lake brook
		sol luz cruz paz flor rosa mar angel leon blanca alba reyes rey dolores mercedes consuelo pilar carmen page paige paris`},
}
